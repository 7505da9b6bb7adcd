//! Tokenizers of SentencePiece: whatever is read agrees with itself, and what is converted merges
//! texts as SentencePiece does.
#![no_main]

use std::collections::HashMap;
use std::path::Path;

use calico_formats::sentencepiece::{
    Lists, ModelKind, Piece, PieceKind, Pieces, to_tokenizer_json,
};
use libfuzzer_sys::fuzz_target;

/// Characters of a text that is merged: more would take long.
const CHARACTERS: usize = 60;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("tokenizer.model");
    let Ok(read) = Pieces::from_bytes(path, bytes) else { return };
    let mut lists = lists(&read);
    let again = Pieces::from_lists(path, lists.clone()).expect("what was read agrees with itself");
    assert_eq!(again.pieces(), read.pieces());
    // Few inputs are BPE by themselves.
    lists.model = ModelKind::Bpe;
    lists.normalization.rewrites = false;
    let pieces = Pieces::from_lists(path, lists).expect("the kind of model changes no piece");
    let Ok(json) = to_tokenizer_json(&pieces) else { return };
    if let Ok(same) = to_tokenizer_json(&read) {
        assert_eq!(same, json);
    }

    let vocab = json["model"]["vocab"].as_object().expect("a map");
    assert_eq!(vocab.len(), pieces.pieces().len());
    let mut ranks: HashMap<(&str, &str), usize> = HashMap::new();
    for (rank, pair) in json["model"]["merges"].as_array().expect("a list").iter().enumerate() {
        let [left, right] = [0, 1].map(|side| pair[side].as_str().expect("a text"));
        for text in [left, right, &format!("{left}{right}")] {
            assert!(vocab.contains_key(text), "{text}");
        }
        assert_eq!(ranks.insert((left, right), rank), None);
    }
    assert!(ranks.len() <= vocab.len());
    compare(pieces.pieces(), &ranks);
});

/// The lists that a GGUF file of the same tokenizer would hold.
fn lists(pieces: &Pieces) -> Lists {
    let kind = |piece: &Piece| {
        (1..=6)
            .find(|&number| PieceKind::from_number(number) == Some(piece.kind))
            .expect("a number")
    };
    Lists {
        tokens: pieces.pieces().iter().map(|piece| piece.text.clone()).collect(),
        scores: pieces.pieces().iter().map(|piece| piece.score).collect(),
        kinds: pieces.pieces().iter().map(kind).collect(),
        model: pieces.model(),
        normalization: pieces.normalization().clone(),
        special: pieces.special(),
    }
}

/// Texts made of the pieces are merged alike by score and by rank.
fn compare(pieces: &[Piece], ranks: &HashMap<(&str, &str), usize>) {
    if pieces.iter().any(|piece| piece.kind == PieceKind::UserDefined) {
        // Added tokens cut texts before they are merged.
        return;
    }
    let text_pieces =
        pieces.iter().filter(|piece| matches!(piece.kind, PieceKind::Normal | PieceKind::Unused));
    let mut by_score: Vec<&Piece> = text_pieces.collect();
    let all: String = by_score.iter().map(|piece| piece.text.as_str()).collect();
    let forward: Vec<char> = all.chars().filter(|&it| it != ' ').take(CHARACTERS).collect();
    let backward: Vec<char> = forward.iter().rev().copied().collect();
    let doubled: Vec<char> = forward.iter().flat_map(|&it| [it, it]).take(CHARACTERS).collect();
    by_score.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut place = 0;
    for (index, piece) in by_score.iter().enumerate() {
        // Equal scores have one place.
        if index > 0 && by_score[index - 1].score != piece.score {
            place = index;
        }
        places.insert(&piece.text, place);
    }
    for text in [forward, backward, doubled] {
        let of_sentencepiece =
            merge(&text, |left, right| places.get(format!("{left}{right}").as_str()).copied());
        assert_eq!(
            merge(&text, |left, right| ranks.get(&(left, right)).copied()),
            of_sentencepiece
        );
    }
}

/// Merges the neighbours of the lowest place, the leftmost of equals, until there are none.
fn merge(text: &[char], place: impl Fn(&str, &str) -> Option<usize>) -> Vec<String> {
    let mut symbols: Vec<String> = text.iter().map(char::to_string).collect();
    loop {
        let pairs = symbols.windows(2).enumerate();
        let found = pairs.filter_map(|(at, pair)| Some((place(&pair[0], &pair[1])?, at))).min();
        let Some((_, at)) = found else { return symbols };
        let right = symbols.remove(at + 1);
        symbols[at].push_str(&right);
    }
}
