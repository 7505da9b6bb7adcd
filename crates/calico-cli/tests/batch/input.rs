//! What is asked, and what is refused.

use std::fs;

use calico_result::Segmentation;
use serde_json::{Value, json};

use super::pairs::{ANSWER, arguments, batch, bitmap, desk, lines};
use super::support::{Desk, files};

#[test]
fn a_result_is_that_of_the_same_question_alone() {
    let desk = desk(2);
    batch(&desk, "out", &["--pictures", "--export", "coco,masks"]).ok();
    let alone = ["set/1-0.bmp", "set/1-1.bmp", "--answer", ANSWER, "--out", "alone"];
    desk.segment(&[&alone[..], &["--export", "masks,coco"]].concat()).ok();
    let line = &lines(&desk.path().join("out/results.jsonl"))[1];
    assert_eq!((&line["line"], &line["id"]), (&json!(2), &json!("pair 1")));
    assert_eq!(line["images"], json!(["1-0.bmp", "1-1.bmp"]));
    let result = Segmentation::from_json(&line["result"].to_string()).unwrap();
    let alone = desk.path().join("alone");
    assert_eq!(result, Segmentation::read(&alone.join("result.json")).unwrap());
    assert_eq!(result.segments().count(), 2);
    assert!(files(&desk.path().join("out/items/000002-pair_1")) == files(&alone));
}

#[test]
fn a_batch_goes_on_only_with_the_list_the_model_and_the_settings_it_began_with() {
    let desk = desk(2);
    batch(&desk, "out", &[]).ok();
    let before = files(&desk.path().join("out"));
    let told = batch(&desk, "out", &["--seed", "7"]).refused();
    assert!(told.contains("its seed is 0, not 7"), "{told}");
    let told = batch(&desk, "out", &["--pictures", "--export", "svg"]).refused();
    assert!(told.contains("its pictures is false, not true"), "{told}");
    let other = ["segment", "--model", "untrained:tiny", "--max-new-tokens", "6"];
    let asked = ["--batch", "set/list.jsonl", "--answer", ANSWER, "--out", "out"];
    let told = desk.run(&[&other[..], &asked].concat()).refused();
    assert!(told.contains("its model is \"tiny\", not \"untrained:tiny\""), "{told}");
    let list = fs::read_to_string(desk.path().join("set/list.jsonl")).unwrap();
    desk.write(
        "set/list.jsonl",
        (list.clone() + "{\"images\": [\"0-0.bmp\", \"0-1.bmp\"]}\n").as_bytes(),
    );
    let told = batch(&desk, "out", &[]).refused();
    assert!(told.contains("its list has 2 items, and yours 3"), "{told}");
    desk.write("set/list.jsonl", list.replace("0-1.bmp", "1-1.bmp").as_bytes());
    let told = batch(&desk, "out", &[]).refused();
    assert!(told.contains("other items"), "{told}");
    desk.write("set/list.jsonl", list.as_bytes());
    fs::rename(desk.path().join("set"), desk.path().join("moved")).unwrap();
    let model = desk.model();
    let args = arguments(model.to_str().unwrap(), "out");
    let args =
        args.into_iter().map(|it| if it.starts_with("set/") { "moved/list.jsonl" } else { it });
    let told = desk.run(&args.collect::<Vec<_>>()).refused();
    assert!(told.contains("the paths of its list lead from "), "{told}");
    assert!(files(&desk.path().join("out")) == before);
}

#[test]
fn every_line_may_ask_its_own_question() {
    let desk = desk(0);
    desk.write("set/a.bmp", &bitmap([4, 4], [9, 9, 9]));
    let tags = "<p> a dot </p> [SEG] (IMAGE1)";
    let list = [
        json!({ "images": ["a.bmp"], "task": "common-objects" }),
        json!({ "images": ["a.bmp", "a.bmp"], "task": "all" }),
        json!({ "images": ["a.bmp"], "prompt": "What is this?" }),
        json!({ "images": ["a.bmp"], "answer": tags }),
        json!({ "images": ["a.bmp", "a.bmp"] }),
    ];
    desk.write("set/list.jsonl", list.map(|line| format!("{line}\n")).concat().as_bytes());
    batch(&desk, "out", &[]).ok();
    let lines = lines(&desk.path().join("out/results.jsonl"));
    let answers: Vec<&Value> = lines.iter().map(|line| &line["result"]["answers"]).collect();
    assert_eq!(answers[0][0]["task"], "common_objects");
    assert_eq!(answers[1].as_array().unwrap().len(), 3);
    assert_eq!(answers[2][0]["prompt"], "What is this?");
    assert_eq!(answers[3][0]["segments"][0]["label"], "dot");
    assert_eq!(answers[4][0]["segments"][1]["label"], "handle");
    assert_eq!(lines[4]["id"], "line-5");
}

#[test]
fn a_faulty_list_is_told_as_a_whole_and_nothing_is_written() {
    let desk = desk(0);
    let list = [
        json!({ "images": ["a.png", "b.png"], "prompt": "<image> alone" }),
        json!({ "images": ["a.png", "b.png"], "id": "one" }),
        json!({ "images": ["a.png"], "answer": "no tags" }),
        json!({ "images": ["a.png"], "colour": "red" }),
        json!({ "images": ["a.png", "b.png"], "id": "one" }),
        json!({ "images": ["a.png"] }),
    ];
    desk.write("set/list.jsonl", list.map(|line| format!("{line}\n")).concat().as_bytes());
    let told = batch(&desk, "out", &[]).refused();
    for words in [
        "line 1: ",
        "2 images",
        "line 3: the answer to ground names nothing",
        "line 4: unknown field `colour`",
        "line 5: the id \"one\" is that of line 2",
        // The answer of the command line has a tag for a second image.
        "line 6: the answer to ground",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("line 2: "), "{told}");
    assert!(!desk.path().join("out").exists());
}

#[test]
fn a_folder_is_a_list_of_its_entries() {
    let desk = Desk::new();
    for name in ["cups", "empty"] {
        fs::create_dir_all(desk.path().join("shelf").join(name)).unwrap();
    }
    for name in ["cups/1.bmp", "cups/2.bmp", "alone.bmp", "notes.txt"] {
        fs::write(desk.path().join("shelf").join(name), bitmap([5, 5], [9, 9, 9])).unwrap();
    }
    let done = desk.segment(&["--batch", "shelf", "--task", "common-parts", "--out", "out"]);
    assert!(done.stderr.contains("(2 in all): \"empty\", \"notes.txt\""), "{}", done.stderr);
    done.ok();
    let lines = lines(&desk.path().join("out/results.jsonl"));
    let found: Vec<_> = lines.iter().map(|line| (&line["id"], &line["images"])).collect();
    let expected = [json!(["alone.bmp"]), json!(["cups/1.bmp", "cups/2.bmp"])];
    assert_eq!(found, [(&json!("alone.bmp"), &expected[0]), (&json!("cups"), &expected[1])]);
}

#[test]
fn arguments_that_exclude_each_other_are_refused() {
    let desk = desk(1);
    let refused = |args: &[&str]| desk.segment(args).refused();
    let list = ["--batch", "set/list.jsonl"];
    assert!(refused(&list).contains("--out"));
    let all = [&list[..], &["--out", "out"]].concat();
    for more in ["set/0-0.bmp", "--json", "--timings"] {
        let told = refused(&[&all[..], &[more]].concat());
        assert!(told.contains("cannot be used with"), "{told}");
    }
    for more in [&["--shard", "1/2"][..], &["--retry-failed"], &["--pictures"]] {
        let told = refused(&[&["set/0-0.bmp", "--out", "out"], more].concat());
        assert!(told.contains("cannot be used with") && told.contains(more[0]), "{told}");
    }
    for part in ["0/2", "3/2", "2", "a/b"] {
        assert!(refused(&[&all[..], &["--shard", part]].concat()).contains("I/N"));
    }
    let told = refused(&["--batch", "none", "--out", "out"]);
    assert!(told.contains("none") && told.contains("JSON Lines"), "{told}");
    let told = refused(&[&all[..], &["--temperature", "-1"]].concat());
    assert_eq!(told.lines().count(), 1, "{told}");
    desk.write("results.jsonl", b"{}\n");
    assert!(refused(&[&list[..], &["--out", "."]].concat()).contains("batch.json"));
    assert!(!desk.path().join("out").exists());
}
