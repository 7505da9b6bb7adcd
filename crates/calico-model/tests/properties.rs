//! Properties of spans and of the answer parser.

mod tiny;

use calico_model::grounding::{GroundingConfig, MissingIdentifier, parse};
use calico_model::prompt::{PromptId, PromptLayout};
use proptest::prelude::*;

fn prompt_id() -> impl Strategy<Value = PromptId> {
    prop_oneof![3 => (0u32..266).prop_map(PromptId::Token), 1 => Just(PromptId::Image)]
}

/// Pieces of which both sense and nonsense can be made.
fn piece() -> impl Strategy<Value = String> {
    const FIXED: [&str; 8] =
        ["<p>", "</p>", "[SEG]", "(IMAGE1)", "(IMAGE2)", "(IMAGE9)", "(IMAGE", "the lid"];
    prop_oneof![
        4 => proptest::sample::select(&FIXED[..]).prop_map(str::to_owned),
        1 => "[a-z()ü ]{0,6}",
    ]
}

proptest! {
    #[test]
    fn spans_are_ordered_disjoint_and_inside(
        ids in prop::collection::vec(prompt_id(), 1..60),
        tokens_per_image in 1usize..40,
    ) {
        let layout = PromptLayout::new(&ids, tokens_per_image);
        let images = ids.iter().filter(|id| **id == PromptId::Image).count();
        prop_assert_eq!(layout.spans().len(), images);
        prop_assert_eq!(layout.len(), ids.len() + images * (tokens_per_image - 1));
        for span in layout.spans() {
            prop_assert_eq!(span.len(), tokens_per_image);
            prop_assert!(span.end <= layout.len());
        }
        for pair in layout.spans().windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
        }
        // Between the spans lie exactly the tokens, in order: e(i) = i + (Q - 1) · images before.
        for (index, id) in ids.iter().enumerate() {
            let before = ids[..index].iter().filter(|id| **id == PromptId::Image).count();
            let expanded = index + before * (tokens_per_image - 1);
            let span = layout.spans().iter().find(|span| span.contains(&expanded));
            prop_assert_eq!(span.is_some(), *id == PromptId::Image);
        }
    }

    #[test]
    fn whatever_is_written_the_parser_never_invents_an_image(
        pieces in prop::collection::vec(piece(), 0..24),
        images in 1usize..4,
    ) {
        let tokenizer = tiny::tokenizer();
        let ids = tokenizer.encode(&pieces.join(" ")).unwrap();
        let answer = parse(&ids, images, GroundingConfig::default(), &tokenizer).unwrap();
        let seg = tokenizer.special().seg;
        let total = ids.iter().filter(|id| **id == seg).count();
        let mut last = None;
        for (phrase, found) in answer.segs() {
            prop_assert_eq!(ids[found.token], seg);
            prop_assert!(found.image < images);
            prop_assert!(last < Some(found.token), "out of order");
            last = Some(found.token);
            prop_assert!(!answer.phrases[phrase].phrase.is_empty());
            // The identifier stands in the text between this [SEG] and the next structural token.
            let rest = &ids[found.token + 1..];
            let end = rest.iter().position(|id| (259..266).contains(id)).unwrap_or(rest.len());
            let text = tokenizer.decode(&rest[..end]).unwrap();
            let identifier = format!("(IMAGE{})", found.image + 1);
            prop_assert!(text.contains(&identifier), "{}", text);
        }
        // Every [SEG] is either used or complained about.
        let used = answer.segs().count();
        prop_assert!(used + answer.problems.len() >= total);
        if answer.problems.is_empty() {
            prop_assert_eq!(used, total);
        }
    }

    #[test]
    fn a_well_formed_answer_is_read_back_as_written(
        groups in prop::collection::vec(("[a-z]{1,8}( [a-z]{1,8})?", 1usize..4), 1..6),
    ) {
        let tokenizer = tiny::tokenizer();
        let group = |(phrase, count): &(String, usize)| {
            let segs: Vec<String> = (1..=*count).map(|n| format!("[SEG] (IMAGE{n})")).collect();
            format!("with <p> {phrase} </p> {},", segs.join(" "))
        };
        let written = groups.iter().map(group).collect::<Vec<_>>().join(" ");
        let ids = tokenizer.encode(&written).unwrap();
        for missing_identifier in [MissingIdentifier::Drop, MissingIdentifier::RoundRobin] {
            let answer =
                parse(&ids, 3, GroundingConfig { missing_identifier }, &tokenizer).unwrap();
            prop_assert_eq!(&answer.problems, &[]);
            let read: Vec<(String, usize)> =
                answer.phrases.iter().map(|p| (p.phrase.clone(), p.segs.len())).collect();
            prop_assert_eq!(&read, &groups);
        }
    }
}
