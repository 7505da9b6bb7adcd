//! Rules for splits as a whole.

use super::*;

#[test]
fn rules_for_the_test_split() {
    planted(
        |e| sample(e, TEST_SAMPLES).ambiguous = true,
        &[(Rule::TestClear, "test-000012", "an ambiguous sample")],
    );
    planted(|e| sample(e, 0).ambiguous = true, &[]);
    planted(
        |e| drop(e.samples.remove(TEST_SAMPLES)),
        &[
            (Rule::TestBalance, "paco_lvis common_parts", "2 samples, expected 1"),
            (Rule::TestBalance, "paco_lvis unique_parts", "2 samples, expected 1"),
        ],
    );
    let few = HeldOut { pairs_per_cell: 1, max_uses: 3 };
    let report =
        report(&Example::new(PAIRS), Some(BuildConfig { test: few, ..Default::default() }));
    assert_eq!(report.counts, [(Rule::TestBalance, 3)].into());
}

#[test]
fn images_that_are_shown_too_often_are_found() {
    let example = Example::new(1);
    let mut config = BuildConfig::default();
    config.test.max_uses = 2;
    same(
        &report(&example, Some(config.clone())),
        &[
            (
                Rule::ImageUses,
                "paco_lvis/000000000005",
                "3 samples that show it, expected at most 2",
            ),
            (Rule::ImageUses, "paco_lvis/000000000006", ""),
        ],
    );
    (config.test.max_uses, config.pairs.max_uses) = (3, 2);
    assert_eq!(report(&example, Some(config)).counts, [(Rule::ImageUses, 4)].into());
}

#[test]
fn tables_that_differ_from_build_json_are_found() {
    let scratch = tempfile::tempdir().unwrap();
    let example = Example::new(PAIRS);
    let mut record = build_record(&example, BuildConfig::default());
    record.splits.get_mut(&Split::Dev).unwrap().regions = 15;
    example.write(scratch.path(), &Tables::default());
    fs::write(scratch.path().join("build.json"), serde_json::to_string(&record).unwrap()).unwrap();
    let dataset = Dataset::open(scratch.path()).unwrap();
    let report = validate(&dataset, &ValidateOptions::default(), &Watch::unwatched()).unwrap();
    same(&report, &[(Rule::BuildCounts, "rows", "found 16, expected 15 as in build.json")]);
}

#[test]
fn of_many_findings_few_are_kept_and_all_counted() {
    let mut example = Example::new(PAIRS);
    for at in 0..16 {
        example.regions[at].1.area += 1;
    }
    let scratch = tempfile::tempdir().unwrap();
    let dataset = write(scratch.path(), &example, None);
    let options = ValidateOptions { most_per_rule: 3, ..ValidateOptions::default() };
    let report = validate(&dataset, &options, &Watch::unwatched()).unwrap();
    assert_eq!((report.findings.len(), report.total()), (3, 16));
    assert_eq!(report.findings[2].row, "2");
    assert!(report.to_text().contains("… and 13 more"), "{}", report.to_text());
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}
