//! Documents that nobody should have written.

use calico_data::DataError;
use calico_data::released::{ReleasedError, ReleasedMap};
use calico_data::validate::Rule;
use serde_json::json;

use super::release::{Release, TRAIN, guessed};

#[test]
fn hostile_documents_give_typed_errors() {
    let good = guessed(1).to_string();
    let long = format!("{{\"pairs\": [{{\"a\": [{}1]}}]}}", "1,".repeat(3 << 20));
    let documents = [
        good[..good.len() / 2].to_owned(),
        format!("{{\"x\": {}", "[".repeat(1_000_000)),
        format!("{{\"pairs\": [{{\"a\": {}", "{\"a\":".repeat(1_000_000)),
        good.replacen("\"width\":60", "\"width\":1e400", 1),
        good.replacen("\"pairs\":[", "\"pairs\":5,\"x\":[", 1),
        good.replacen("\"images\":[", "\"images\":{},\"x\":[", 1),
        long.replacen("{\"pairs\"", "{\"images\": [], \"pairs\"", 1),
        String::new(),
        "7".to_owned(),
        "\u{0}".to_owned(),
    ];
    for document in documents {
        let release = Release::new(&[]);
        release.write(TRAIN, &document);
        let error = release.import(ReleasedMap::BUILT_IN).unwrap_err();
        let is_typed = matches!(
            error,
            DataError::Json { .. } | DataError::Released(ReleasedError::Shape { .. })
        );
        let message = error.to_string();
        assert!(is_typed && message.len() < 2000, "{message}: {document:.60}");
        assert!(!release.data().exists());
    }
}

#[test]
fn values_of_any_type_anywhere_are_refused_without_a_panic() {
    let good = guessed(1);
    let wrong = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1_000_000_000),
        json!(1e300),
        json!("x"),
        json!([]),
        json!([[]]),
        json!({"size": [1_000_000_000, 1_000_000_000],
        "counts": [0]}),
        json!({"a": 1}),
    ];
    for list in ["images", "categories", "annotations", "pairs"] {
        for key in good[list][0].as_object().unwrap().keys() {
            for value in &wrong {
                let mut document = good.clone();
                document[list][0][key] = value.clone();
                let release = Release::new(&[(TRAIN, &document)]);
                match release.import(ReleasedMap::BUILT_IN) {
                    Ok(_) => {
                        // Another word is not wrong in itself.
                        let mut report = release.report();
                        report.counts.retain(|rule, _| {
                            !matches!(rule, Rule::LabelKnown | Rule::PhraseLabel)
                        });
                        assert!(report.is_sound(), "{list}.{key} = {value}: {}", report.to_text());
                    }
                    Err(error) => {
                        let is_typed = matches!(error, DataError::Released(_));
                        assert!(is_typed, "{list}.{key} = {value}: {error}");
                    }
                }
            }
        }
    }
}
