//! Files that are none of PyTorch's zip files, or need more than reading.

use std::path::Path;

use calico_formats::{FormatError, TensorFile};

use crate::program::{PLAIN, Program};
use crate::zip::Zip;
use crate::{FLOATS, assert_says, not_this, open, open_pickle, plain, refused};

fn open_as(name: &str, bytes: Vec<u8>) -> Result<TensorFile, FormatError> {
    TensorFile::from_bytes(&Path::new("checkpoint").join(name), bytes)
}

#[test]
fn old_tar_archives_are_told() {
    let mut tar = vec![0; 1024];
    tar[..8].copy_from_slice(b"sys_info");
    assert_says(
        &not_this(open(tar)),
        &["a tar archive of PyTorch before 0.2", "load it in Python"],
    );
}

#[test]
fn old_pickles_are_told_in_every_protocol() {
    let magic = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    for start in [&b"\x80\x02"[..], b"\x80\x03", b"\x80\x04\x95\x0d\0\0\0\0\0\0\0"] {
        assert_says(&not_this(open([start, magic].concat())), &["PyTorch before 1.6"]);
    }
}

#[test]
fn a_bare_pickle_is_told() {
    assert_says(&not_this(open(plain())), &["a bare pickle of Python"]);
}

#[test]
fn a_header_of_safetensors_is_not_taken_for_a_pickle() {
    let header = format!("{{{}}}", " ".repeat(0x280 - 2));
    let bytes = [&0x280u64.to_le_bytes()[..], header.as_bytes()].concat();
    assert!(bytes.starts_with(&[0x80, 2]));
    let said = open(bytes).map_or_else(|error| error.to_string(), |_| String::new());
    assert!(!said.contains("pickle"), "{said}");
}

#[test]
fn shards_of_deepspeed_are_told_by_their_names() {
    for name in [
        "zero_pp_rank_0_mp_rank_00_optim_states.pt",
        "bf16_zero_pp_rank_3_mp_rank_00_optim_states.pt",
        "zero_pp_rank_0_mp_rank_00_model_states.pt",
    ] {
        let message = refused(open_as(name, Zip::of(&plain(), &[]).finish()));
        assert_says(&message, &["zero_to_fp32.py", "consolidate"]);
    }
}

#[test]
fn shards_of_deepspeed_are_told_by_their_keys() {
    for key in ["single_partition_of_fp32_groups", "fp32_flat_groups"] {
        let pickle = Program::new().raw("}").text("optimizer_state_dict").raw("}").text(key);
        let pickle = pickle.raw("]").tensor(&PLAIN).raw("ass").stop();
        assert_says(&refused(open_pickle(&pickle)), &["zero_to_fp32.py"]);
    }
    let pickle = Program::new().global("deepspeed.runtime.fp16.loss_scaler", "LossScaler").stop();
    let message = refused(open_pickle(&pickle));
    assert_says(&message, &["`deepspeed.runtime.fp16.loss_scaler.LossScaler`", "zero_to_fp32.py"]);
}

#[test]
fn the_whole_module_of_a_deepspeed_file_is_read() {
    let pickle = Program::new().raw("}").text("module").raw("}").text("x").tensor(&PLAIN).raw("ss");
    let pickle = pickle.text("sparse_tensor_module_names").global("__builtin__", "set");
    let pickle = pickle.raw(b"]\x85Rs");
    let bytes = Zip::of(&pickle.stop(), &[("0", &FLOATS)]).finish();
    let file = open_as("mp_rank_00_model_states.pt", bytes).unwrap();
    assert_eq!(file.read("x").unwrap(), FLOATS);
    assert_eq!(file.notes()["sparse_tensor_module_names"], "set of 0 entries");
}
