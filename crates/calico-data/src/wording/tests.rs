use std::collections::BTreeSet;

use super::*;
use crate::answer_text;

fn both(label: &'static str, slot: u32) -> Phrase<'static> {
    Phrase { label, slots: vec![Some(slot), Some(slot + 1)] }
}

fn only(image: usize, label: &'static str, slot: u32) -> Phrase<'static> {
    let mut slots = vec![None, None];
    slots[image - 1] = Some(slot);
    Phrase { label, slots }
}

/// In every one of three images.
fn all_three(label: &'static str, slot: u32) -> Phrase<'static> {
    Phrase { label, slots: (slot..slot + 3).map(Some).collect() }
}

/// In one of three images.
fn one_of_three(image: usize, label: &'static str, slot: u32) -> Phrase<'static> {
    let slots = (1..=3).map(|number| (number == image).then_some(slot)).collect();
    Phrase { label, slots }
}

/// Contents of three images, and of any number of images with nothing to name.
fn contents_of_groups() -> Vec<(Task, Content<'static>)> {
    let objects = [
        vec![],
        vec![all_three("dog", 0)],
        // Of different classes: not named.
        vec![one_of_three(1, "dog", 0), one_of_three(2, "cat", 1), one_of_three(3, "cow", 2)],
    ];
    let common = vec![all_three("head", 3), all_three("tail", 6)];
    let unique =
        vec![vec![one_of_three(1, "wing", 3)], vec![], vec![one_of_three(3, "scissors", 4)]];
    let mut contents: Vec<_> = Task::ALL.map(|task| (task, Content::default())).into();
    let three_empty = Content { unique: vec![vec![]; 3], ..Content::default() };
    contents.push((Task::UniqueParts, three_empty));
    let shared = Content { objects: vec![all_three("dog", 0)], ..Content::default() };
    contents.push((Task::CommonObjects, shared));
    for objects in objects {
        let content = Content { objects, ..Content::default() };
        let with_common = Content { common: common.clone(), ..content.clone() };
        contents.push((Task::CommonParts, with_common));
        contents.push((Task::UniqueParts, Content { unique: unique.clone(), ..content }));
    }
    contents
}

/// All texts that a content gets.
fn texts(task: Task, content: &Content<'_>) -> BTreeSet<String> {
    let wording = Wording::embedded().unwrap();
    let answers = (0..400).map(|id| {
        let mut stream = Stream::new(1, "test", &id.to_string());
        wording.answer(task, content, &mut stream)
    });
    answers.map(|answer| format!("{} {}", answer.template, answer.text)).collect()
}

#[test]
fn all_kinds_of_contents_have_sentences_within_the_grammar() {
    let wording = Wording::embedded().unwrap();
    let objects =
        [vec![], vec![both("scissors", 0)], vec![only(1, "chair", 0), only(2, "unicycle", 1)]];
    let mut seen = BTreeSet::new();
    for objects in objects {
        let content = |common, unique: [Vec<Phrase<'static>>; 2]| Content {
            objects: objects.clone(),
            common,
            unique: unique.into(),
        };
        let first = vec![only(1, "ear", 5), only(1, "leg", 6)];
        let second = vec![only(2, "teeth", 7)];
        let contents = [
            (Task::CommonParts, content(vec![both("seat", 2), both("leg", 8)], [vec![], vec![]])),
            (Task::UniqueParts, content(vec![], [first.clone(), second.clone()])),
            (Task::UniqueParts, content(vec![], [first, vec![]])),
            (Task::UniqueParts, content(vec![], [vec![], second])),
            (Task::CommonObjects, Content { objects: vec![both("dog", 0)], ..Content::default() }),
        ];
        for (task, content) in contents.into_iter().chain(contents_of_groups()) {
            for id in 0..100 {
                let mut stream = Stream::new(1, "test", &id.to_string());
                let answer = wording.answer(task, &content, &mut stream);
                let groups = answer_text::parse(&answer.text, 3).unwrap();
                let images: Vec<u8> =
                    groups.iter().flat_map(|group| group.images.clone()).collect();
                assert_eq!(images, answer.images, "{}", answer.text);
                assert_eq!(answer.images.len(), answer.slots.len());
                assert!(answer.text.ends_with('.'));
                seen.insert(answer.template);
            }
        }
    }
    let all = wording.answers.values().flatten().map(|template| template.id.clone());
    assert_eq!(seen, all.collect());
}

#[test]
fn the_four_forms_of_the_project_page_are_written() {
    let objects = Content { objects: vec![both("dog", 0)], ..Content::default() };
    let texts_of_objects = texts(Task::CommonObjects, &objects);
    let dog = "<p> a dog </p> [SEG] (IMAGE1) [SEG] (IMAGE2)";
    assert!(texts_of_objects.contains(&format!("CO8 The common object is {dog}.")));

    let different = vec![only(1, "snake", 0), only(2, "dog", 1)];
    let common =
        Content { objects: different.clone(), common: vec![both("head", 2)], ..Content::default() };
    let shown =
        "The images show <p> a snake </p> [SEG] (IMAGE1) and <p> a dog </p> [SEG] (IMAGE2).";
    let head = "<p> the head </p> [SEG] (IMAGE1) [SEG] (IMAGE2)";
    let expected = format!("CP9 {shown} The common part is {head}.");
    assert!(texts(Task::CommonParts, &common).contains(&expected));

    let unique = vec![vec![only(1, "body", 2)], vec![only(2, "tail", 3), only(2, "foot", 4)]];
    let expected = format!(
        "UP9 {shown} The unique parts are <p> a body </p> [SEG] (IMAGE1), <p> a tail </p> [SEG] \
         (IMAGE2), and <p> a foot </p> [SEG] (IMAGE2)."
    );
    let content = Content { objects: different, unique: unique.clone(), ..Content::default() };
    assert!(texts(Task::UniqueParts, &content).contains(&expected));

    let content = Content { objects: vec![both("dog", 0)], unique, ..Content::default() };
    let same = format!("UP10 Both images show {dog}. The unique parts are <p> the body </p>");
    let found = texts(Task::UniqueParts, &content);
    assert!(found.iter().any(|text| text.starts_with(&same)), "{found:?}");
}

#[test]
fn verbs_and_nouns_follow_the_number() {
    let one = Content { unique: vec![vec![], vec![only(2, "wing", 0)]], ..Content::default() };
    let found = texts(Task::UniqueParts, &one);
    let wing = "<p> a wing </p> [SEG] (IMAGE2)";
    assert!(found.contains(&format!("UP8 {wing} appears on one object only.")), "{found:?}");
    let plural = Content { unique: vec![vec![only(1, "teeth", 0)], vec![]], ..Content::default() };
    let teeth = "<p> teeth </p> [SEG] (IMAGE1)";
    let found = texts(Task::UniqueParts, &plural);
    assert!(found.contains(&format!("UP8 {teeth} appear on one object only.")), "{found:?}");
    let expected =
        format!("UP7 The only unique part is {teeth}; nothing is unique to the other object.");
    assert!(found.contains(&expected), "{found:?}");
    let two = Content { objects: vec![both("cup", 0), both("mug", 2)], ..Content::default() };
    let found = texts(Task::CommonObjects, &two);
    assert!(found.iter().any(|text| text.starts_with("CO1 The objects in both images are <p>")));
}

#[test]
fn masks_come_in_the_order_of_the_text() {
    let wording = Wording::embedded().unwrap();
    let content = Content {
        objects: vec![only(1, "chair", 7), only(2, "stool", 3)],
        common: vec![both("seat", 10), both("leg", 20)],
        ..Content::default()
    };
    let mut stream = Stream::new(1, "test", "order");
    let answer = wording.answer(Task::CommonParts, &content, &mut stream);
    assert_eq!(answer.slots, [7, 3, 10, 11, 20, 21]);
    assert_eq!(answer.images, [1, 2, 1, 2, 1, 2]);
}

#[test]
fn an_answer_about_more_images_gives_each_region_once() {
    for (task, content) in contents_of_groups() {
        let wording = Wording::embedded().unwrap();
        let answer = wording.answer(task, &content, &mut Stream::new(1, "test", "group"));
        let mut slots = answer.slots.clone();
        slots.sort_unstable();
        let mut wanted: Vec<u32> = content.slots().collect();
        if content.objects.len() == 3 {
            wanted.drain(..3);
        }
        wanted.sort_unstable();
        assert_eq!(slots, wanted, "{}", answer.text);
    }
    let content = Content { common: vec![all_three("head", 3)], ..Content::default() };
    let head = "<p> the head </p> [SEG] (IMAGE1) [SEG] (IMAGE2) [SEG] (IMAGE3)";
    let found = texts(Task::CommonParts, &content);
    assert!(found.contains(&format!("CP13 The common part is {head}.")), "{found:?}");
}

#[test]
fn an_answer_about_nothing_has_no_mask() {
    for task in Task::ALL {
        let found = texts(task, &Content::default());
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|text| !text.contains(['<', '['])), "{found:?}");
    }
    // An object is not grounded if none of its parts is to be named.
    let content = Content { objects: vec![both("dog", 0)], ..Content::default() };
    assert!(texts(Task::CommonParts, &content).contains("CP16 The objects share no part."));
}

#[test]
fn questions_show_all_images_and_stay_on_two_lines() {
    let wording = Wording::embedded().unwrap();
    for (images, prefixes, questions) in [(2, 6, 13), (3, 6, 0), (4, 6, 0)] {
        for task in Task::ALL {
            let asked: Vec<_> = (0..600)
                .map(|id| wording.question(task, images, &mut Stream::new(1, "q", &id.to_string())))
                .collect();
            for asked in &asked {
                assert_eq!(asked.text.matches("<image> (IMAGE").count(), images);
                assert_eq!(asked.text.lines().count(), 2);
                let speaks_of_two = ["both", "two ", "the other"];
                let of_two = speaks_of_two.iter().any(|words| asked.text.contains(words));
                assert!(images == 2 || !of_two, "{}", asked.text);
            }
            let count = |id: fn(&AskedQuestion) -> &String| {
                asked.iter().map(id).collect::<BTreeSet<_>>().len()
            };
            assert_eq!(count(|asked| &asked.prefix), prefixes);
            let found = count(|asked| &asked.question);
            assert!(if questions > 0 { found == questions } else { found >= 5 }, "{found}");
        }
    }
}

#[test]
fn what_the_command_asks_by_itself_is_among_the_questions() {
    let wording = Wording::embedded().unwrap();
    let parts = |kind| {
        format!(
            "What are the {kind} parts of the objects in these images? Please output \
             segmentation masks."
        )
    };
    let built_in = [
        (Task::CommonObjects, "CO13", "Can you segment the common object in these images?".into()),
        (Task::CommonParts, "CP13", parts("common")),
        (Task::UniqueParts, "UP13", parts("unique")),
    ];
    let shown = [
        (2, "P1", "The <image> (IMAGE1) and <image> (IMAGE2)"),
        (3, "P7", "The <image> (IMAGE1), <image> (IMAGE2) and <image> (IMAGE3)"),
    ];
    for (task, question, text) in built_in {
        for (images, prefix, list) in shown {
            let asked = (0..2000)
                .map(|id| wording.question(task, images, &mut Stream::new(1, "q", &id.to_string())))
                .find(|asked| asked.prefix == prefix && asked.question == question)
                .unwrap();
            let expected = format!("{list} provide an overview of the pictures.\n{text}");
            assert_eq!(asked.text, expected);
        }
    }
}

#[test]
fn a_file_of_templates_with_a_mistake_is_refused() {
    let sound = include_str!("../../templates.toml");
    let broken = [
        sound.replace("id = \"CP2\"", "id = \"CP1\""),
        sound.replace("Compare <image> (IMAGE1) with", "Compare"),
        sound.replace("{C} in common", "{O} in common"),
        sound.replace("task = \"common_objects\"", "task = \"common_parts\""),
        sound.replace("objects = \"same\"", "objects = \"none\""),
        sound.replace("about = \"nothing\"", "about = \"pair\""),
        sound.replace("Compare {images}.", "Compare."),
    ];
    for text in broken {
        assert!(Wording::parse(&text).is_err());
    }
}
