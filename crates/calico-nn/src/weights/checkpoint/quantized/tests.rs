use std::path::Path;

use calico_kernels::Kernels;
use candle_core::Device;

use super::*;
use crate::quantized::Matrix;
use crate::weights::checkpoint::{CheckpointError, CheckpointSource, SINGLE_FILE, write_stored};
use crate::weights::{Init, WeightSource as _};

/// A tensor of a file, and its bytes.
struct Raw(MatrixPart, Vec<u8>);

impl FileTensor for Raw {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn kind(&self) -> FileType {
        self.0.kind()
    }
}

const SHAPE: [usize; 2] = [20, 256];

fn spec() -> TensorSpec {
    TensorSpec { name: "w".into(), shape: SHAPE.to_vec(), init: Init::Zeros }
}

/// The parts of a matrix in a format.
fn parts(format: MatrixFormat) -> Vec<Raw> {
    let values: Vec<f32> = (0..20 * 256).map(|i| (i as f32 * 0.37).sin()).collect();
    let matrix = QuantizedMatrix::quantize(Kernels::detect(), format, SHAPE, values).unwrap();
    let all = MatrixPart::all("w", SHAPE, format).unwrap().into_iter();
    all.map(|part| Raw(part.clone(), part.bytes_of(&matrix).into_owned())).collect()
}

fn plain(name: &str, shape: &[usize]) -> Raw {
    let (kind, role) = (SCALES, Role::OfOutputs);
    let part = MatrixPart { name: name.into(), shape: shape.to_vec(), kind, role };
    let bytes = vec![0; part.byte_len()];
    Raw(part, bytes)
}

fn written(folder: &Path, tensors: &[Raw]) {
    let bytes = |tensor: &Raw| Ok::<_, CheckpointError>(tensor.1.clone().into());
    write_stored(folder, tensors, usize::MAX, bytes).unwrap();
}

/// Why a checkpoint of these tensors cannot be used.
fn refused(tensors: &[Raw]) -> String {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), tensors);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    if let Err(error) = checkpoint.verify(&[spec()]) {
        return error.to_string();
    }
    let source = CheckpointSource::new(checkpoint, Device::Cpu);
    source.matrix(&spec()).unwrap();
    source.finish().unwrap_err().to_string()
}

#[test]
fn a_matrix_of_any_format_is_read_where_it_lies() {
    for format in MatrixFormat::ALL {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), &parts(format));
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        checkpoint.verify(&[spec()]).unwrap();
        assert_eq!(checkpoint.form(&spec()), Some(StoredForm::Quantized(format)));
        assert!(checkpoint.first_quantized().is_some());
        let source = CheckpointSource::new(checkpoint, Device::Cpu);
        let Matrix::Quantized(matrix) = source.matrix(&spec()).unwrap() else { panic!("{format}") };
        assert_eq!((matrix.format(), matrix.codes()), (format, parts(format)[0].1.as_slice()));
        source.finish().unwrap();
    }
}

#[test]
fn what_is_wrong_with_a_part_is_told_with_its_name() {
    use MatrixFormat::{Q4K, Q8};
    let mut no_scales = parts(Q8);
    no_scales.remove(1);
    let mut no_columns = parts(Q8);
    no_columns.pop();
    let mut no_codes = parts(Q8);
    no_codes.remove(0);
    let mut typed = parts(Q8);
    typed[1].0.kind = FileType::Bytes;
    typed[1].0.shape = vec![80];
    let mut shaped = parts(Q4K);
    shaped[0].0.shape.reverse();
    let mut short = parts(Q4K);
    short[0].0.shape = vec![1, 2368];
    short[0].1.truncate(2368);
    let mut poisoned = parts(Q8);
    poisoned[1].1[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut infinite = parts(Q4K);
    infinite[0].1[2368..2370].copy_from_slice(&[0x00, 0x7c]);
    let mut least = parts(Q4K);
    least[0].1[32..34].copy_from_slice(&[0x00, 0x7e]);
    let with = |mut tensors: Vec<Raw>, more: Vec<Raw>| {
        tensors.extend(more);
        tensors
    };
    for (tensors, words) in [
        (no_scales, ["missing (1)", "w.q8_scales"]),
        (no_columns, ["missing (1)", "w.q8_columns"]),
        (no_codes, ["missing (1)", "w.q8"]),
        (typed, ["wrong type (1)", "w.q8_scales: expected F32, found U8"]),
        (shaped, ["wrong shape (1)", "w.q4_k: expected [2, 2368]"]),
        (short, ["wrong shape (1)", "w.q4_k: expected [2, 2368]"]),
        (poisoned, ["NaN or infinity (1)", "    w"]),
        (infinite, ["NaN or infinity (1)", "    w"]),
        (least, ["NaN or infinity (1)", "    w"]),
        (with(parts(Q8), vec![plain("w", &SHAPE)]), ["unexpected (3)", "w.q8_scales"]),
        (with(parts(Q4K), parts(Q8)), ["unexpected (3)", "w.q8"]),
        (vec![plain("w.q8_scales", &[20])], ["missing (2)", "w.q8_columns"]),
        (vec![plain("w.q4_k", &[2, 2368])], ["wrong type (1)", "w.q4_k: expected U8, found F32"]),
    ] {
        let message = refused(&tensors);
        for words in words {
            assert!(message.contains(words), "{words:?} is missing: {message}");
        }
    }
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &parts(MatrixFormat::Q4K));
    let path = folder.path().join(SINGLE_FILE);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(Checkpoint::open(folder.path()).is_err());
}
