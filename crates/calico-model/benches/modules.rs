//! One block of each module at full size, and the matrix product that bounds them.
//!
//! `cargo bench -p calico-model` prints seconds and arithmetic per second; `calico bench` runs
//! whole modules and reports them as a share of the machine's peak.

use calico_model::bench::Workload;
use calico_model::budget::Request;
use calico_model::quantize::Quantization;
use calico_model::{CalicoConfig, Preset};
use calico_nn::quantized::MatrixFormat;
use criterion::{Criterion, Throughput};

/// The full model cut to one block per tower; the SAM block is a windowed one.
fn one_block() -> CalicoConfig {
    let mut config = Preset::Full.config().unwrap_or_else(|error| panic!("{error}"));
    config.eva.depth = 1;
    config.dino.depth = 1;
    config.llm.depth = 1;
    config.cam.layers = vec![0];
    config.sam.encoder.depth = 1;
    config.sam.encoder.global_blocks.clear();
    config
}

fn modules(criterion: &mut Criterion) {
    let config = one_block();
    let fewer = Quantization { llm: Some(MatrixFormat::Q4K), vision: Some(MatrixFormat::Q8) };
    for (name, quantization) in [("modules", Quantization::default()), ("fewer bits", fewer)] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for workload in Workload::ALL {
            let mut prepared = workload
                .prepare(&config, Request::default(), quantization)
                .unwrap_or_else(|error| panic!("{}: {error}", workload.name()));
            group.throughput(Throughput::Elements(prepared.flops as u64));
            group.bench_function(workload.name(), |bencher| {
                bencher.iter(|| prepared.run().unwrap_or_else(|error| panic!("{error}")));
            });
        }
        group.finish();
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    modules(&mut criterion);
    criterion.final_summary();
}
