//! Files that are cut off, damaged, mislabelled or lie about themselves: typed errors, never a
//! panic, never memory without bound.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use calico_formats::FormatError;
use calico_formats::sentencepiece::{
    Lists, ModelKind, Normalization, Pieces, SpecialIds, to_tokenizer_json,
};
use proptest::prelude::*;

const SOUND: &[u8] = include_bytes!("data/sentencepiece/llama_like.model");

fn read(bytes: &[u8]) -> Result<Pieces, FormatError> {
    Pieces::from_bytes(Path::new("tokenizer.model"), bytes)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field that holds bytes.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A field that holds a whole number.
fn number(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn piece(text: &[u8], score: f32, kind: u64) -> Vec<u8> {
    let score = [vec![0x15], score.to_le_bytes().to_vec()].concat();
    field(1, &[field(1, text), score, number(3, kind)].concat())
}

/// A model of these pieces, behind an unknown one.
fn model(pieces: &[Vec<u8>]) -> Vec<u8> {
    let settings = [field(2, &number(3, 2)), field(3, &number(4, 0))].concat();
    [piece(b"<unk>", 0.0, 2), pieces.concat(), settings].concat()
}

#[track_caller]
fn assert_broken(bytes: &[u8], expected: &str) {
    let error = read(bytes).unwrap_err();
    assert!(matches!(error, FormatError::Broken { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains(expected), "{message}");
    assert!(message.len() < 500, "{message}");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_an_error() {
    let whole = read(SOUND).unwrap();
    // What follows the settings of the normaliser says nothing about ids.
    let mut sound = 0;
    for length in 0..SOUND.len() {
        match read(&SOUND[..length]) {
            Ok(pieces) => {
                assert_eq!(pieces.pieces(), whole.pieces());
                assert_eq!(pieces.normalization(), whole.normalization());
                sound += 1;
            }
            Err(FormatError::NotThis { .. }) => assert_eq!(length, 0),
            Err(FormatError::Broken { reason, .. }) => {
                assert!(reason.contains("cut off") || reason.contains("pieces"), "{reason}");
            }
            Err(other) => panic!("{length}: {other}"),
        }
    }
    assert!(sound <= 2, "{sound} of the cuts were not noticed");
}

#[test]
fn other_files_are_told_by_their_beginning() {
    let not_this = |bytes: &[u8], found: &str, expected: &str| {
        let FormatError::NotThis { found: is, expected: wanted, .. } = read(bytes).unwrap_err()
        else {
            panic!("{found}");
        };
        assert!(is.contains(found) && wanted.contains(expected), "{is}; {wanted}");
    };
    not_this(b"", "is empty", "SentencePiece model");
    not_this(b"{\"version\": \"1.0\"}", "begins with `{\\\"version", "SentencePiece model");
    not_this(b"PK\x03\x04rest", "begins with the bytes 50 4b 03", "SentencePiece model");
    not_this(b"\x80\x02}q\x00", "begins with", "SentencePiece model");
    not_this(b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS", "git lfs pull");
}

#[test]
fn a_file_that_is_missing_or_no_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("absent"), folder.path().to_path_buf()] {
        let error = Pieces::from_model_file(&path).unwrap_err();
        assert!(matches!(error, FormatError::Io { .. }), "{error}");
    }
}

#[test]
fn a_file_of_gigabytes_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.model");
    // Sparse: it takes no room.
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = Pieces::from_model_file(&path).unwrap_err();
    assert!(matches!(error, FormatError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("name the tokenizer.model, not the model"), "{error}");
}

#[test]
fn lengths_that_lie_are_errors() {
    for length in [1 << 63, u64::MAX, 1 << 40, 5] {
        assert_broken(&[vec![0x0a], varint(length), vec![0; 4]].concat(), "but 4 are left");
    }
    // A piece whose text claims more than the piece has.
    let text = [vec![0x0a], varint(1 << 63), b"abc".to_vec()].concat();
    assert_broken(&field(1, &text), "but 3 are left");
}

#[test]
fn numbers_of_more_than_64_bits_are_errors() {
    for end in [&[0x02][..], &[0x80, 0x01]] {
        let long = [&[0x0a][..], &[0x80; 9], end].concat();
        assert_broken(&long, "the length of a field of more than 64 bits");
    }
    assert_broken(&[&[0x0a, 0x00][..], &[0xff; 20]].concat(), "more than 64 bits");
}

#[test]
fn unknown_wire_types_and_fields_are_errors_or_skipped() {
    for wire in [3, 4, 6, 7] {
        let bytes = [model(&[]), vec![9 << 3 | wire]].concat();
        assert_broken(&bytes, &format!("wire type {wire}"));
    }
    assert_broken(&[model(&[]), vec![0x02, 0x00]].concat(), "found field 0");
    let skipped = [
        number(9, u64::MAX),
        field(200, b"an extension"),
        [vec![10 << 3 | 1], vec![7; 8]].concat(),
        [vec![11 << 3 | 5], vec![7; 4]].concat(),
    ];
    assert_eq!(read(&[model(&[]), skipped.concat()].concat()).unwrap().pieces().len(), 1);
}

#[test]
fn fields_of_another_type_are_errors() {
    assert_broken(
        &[model(&[]), number(1, 7)].concat(),
        "field 1 is a whole number, expected a message",
    );
    assert_broken(&model(&[field(1, &number(1, 7))]), "field 1 is a whole number, expected bytes");
    assert_broken(&model(&[field(1, &number(2, 7))]), "expected a number of four bytes");
    assert_broken(&model(&[field(1, &field(3, b"x"))]), "expected a whole number");
}

#[test]
fn deep_nesting_is_only_a_field_that_is_skipped() {
    let mut nested = Vec::new();
    for _ in 0..2000 {
        nested = field(9, &nested);
    }
    assert_eq!(read(&[model(&[]), nested.clone()].concat()).unwrap().pieces().len(), 1);
    let inside = field(1, &[field(1, b"a"), nested].concat());
    assert_eq!(read(&model(&[inside])).unwrap().pieces().len(), 2);
}

#[test]
fn texts_that_are_no_utf8_or_too_long_are_errors() {
    assert_broken(&model(&[piece(b"ab\xff", 0.0, 1)]), "no UTF-8");
    assert_broken(&model(&[piece(&vec![b'a'; 1 << 20], 0.0, 1)]), "a piece of 1048576 bytes");
    assert_broken(&model(&[piece(b"", 0.0, 1)]), "its text has 0 bytes");
}

#[test]
fn pieces_that_contradict_each_other_are_errors() {
    let bytes: Vec<Vec<u8>> =
        (0..255).map(|byte| piece(format!("<0x{byte:02X}>").as_bytes(), 0.0, 6)).collect();
    let with_bytes = |pieces: &[Vec<u8>]| [model(pieces), field(2, &number(35, 1))].concat();
    let twice = [piece(b"a", 0.0, 1), piece(b"b", -1.0, 1), piece(b"a", -2.0, 1)];
    assert_broken(&model(&twice), "piece 3 (`a`): piece 1 has the same text");
    assert_broken(&model(&[piece(b"?", 0.0, 2)]), "found pieces 0 and 1 for the unknown");
    assert_broken(&model(&[])[piece(b"<unk>", 0.0, 2).len()..], "found 0 pieces");
    let known = [piece(b"a", 0.0, 1), field(2, &number(3, 2)), field(3, b"")].concat();
    assert_broken(&known, "no piece for the unknown");
    for score in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_broken(&model(&[piece(b"a", score, 1)]), "expected a finite number");
    }
    assert_broken(&model(&[piece(b"a", 0.0, 7)]), "a piece of kind 7");
    assert_broken(&model(&[piece(b"a", 0.0, u64::MAX)]), "a piece of kind -1");
    assert_broken(&with_bytes(&bytes), "none for byte 255");
    assert_broken(&with_bytes(&[]), "byte fallback is on");
    assert_broken(&model(&bytes), "byte fallback is off");
    assert_broken(&with_bytes(&[piece(b"<0xfF>", 0.0, 6)]), "expected a text from <0x00>");
    assert_broken(&[model(&[]), field(2, &number(3, 9))].concat(), "a model of type 9");
}

#[test]
fn too_many_pieces_are_an_error_before_they_are_kept() {
    let many = field(1, &[]).repeat((1 << 19) + 1);
    assert_broken(&many, "found more than 524288 pieces");
}

#[test]
fn lists_that_contradict_each_other_are_errors() {
    let sound = Lists {
        tokens: vec!["<unk>".into(), "a".into()],
        scores: vec![0.0, -1.0],
        kinds: vec![2, 1],
        model: ModelKind::Bpe,
        normalization: Normalization::llama(),
        special: SpecialIds::default(),
    };
    let broken = |change: &dyn Fn(&mut Lists), expected: &str| {
        let mut lists = sound.clone();
        change(&mut lists);
        let error = Pieces::from_lists(Path::new("model.gguf"), lists).unwrap_err();
        assert!(matches!(error, FormatError::Broken { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    assert!(Pieces::from_lists(Path::new("model.gguf"), sound.clone()).is_ok());
    broken(&|lists| lists.scores.truncate(1), "found 2 tokens, 1 scores and 2 kinds");
    broken(&|lists| lists.kinds.push(1), "found 2 tokens, 2 scores and 3 kinds");
    broken(&|lists| lists.kinds[1] = 0, "piece 1 (`a`): found kind 0, expected 1 to 6");
    broken(&|lists| lists.special.eos = Some(2), "the eos id is 2, but there are 2 pieces");
    broken(&|lists| lists.tokens[1] = "a".repeat(1 << 20), "its text has 1048576 bytes");
}

#[test]
fn long_pieces_of_many_merges_are_converted() {
    // Each beginning of the long pieces is a piece, and the longer the better, so each of them
    // takes as many merges as it can and looks up the longest texts.
    let run = "a".repeat(512);
    let beginnings = (1..508).map(|length| piece(&run.as_bytes()[..length], length as f32, 1));
    let long = (0..1000).map(|id| {
        let text = format!("{}{id:03}", &run[..507]);
        piece(text.as_bytes(), -1000.0 - id as f32, 1)
    });
    let digits = (0..10).map(|digit| piece(format!("{digit}").as_bytes(), 0.0, 1));
    let pieces: Vec<Vec<u8>> = beginnings.chain(long).chain(digits).collect();
    let json = to_tokenizer_json(&read(&model(&pieces)).unwrap()).unwrap();
    let merges = json["model"]["merges"].as_array().unwrap();
    // The long ones are never made: nothing begins with the run and ends with two digits.
    assert_eq!(merges.len(), 506);
}

proptest! {
    #[test]
    fn damaged_files_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = SOUND.to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(pieces) = read(&bytes) {
            let _ = to_tokenizer_json(&pieces);
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        // Past the look at the first byte.
        if let Some(first) = bytes.first_mut() {
            *first = 0x0a;
        }
        if let Ok(pieces) = read(&bytes) {
            let _ = to_tokenizer_json(&pieces);
        }
    }
}
