use super::*;
use crate::create_output_folder;

fn chart(direction: Direction) -> Chart {
    let series = |name: &str, values: &[u64]| Series { name: name.into(), values: values.into() };
    Chart {
        title: "Samples <by> source".into(),
        note: "train".into(),
        category_axis: "source".into(),
        value_axis: "samples".into(),
        categories: vec!["paco & lvis".into(), "ade20k".into()],
        series: vec![series("common", &[1234, 500]), series("unique", &[0])],
        direction,
    }
}

#[test]
fn a_chart_names_its_axes_categories_series_and_values() {
    for direction in [Direction::Right, Direction::Up] {
        let svg = chart(direction).svg().unwrap();
        for text in [
            "Samples &lt;by&gt; source",
            ">train<",
            ">source<",
            ">samples<",
            ">paco &amp; lvis<",
            ">ade20k<",
            ">common<",
            ">unique<",
            ">1,234<",
            ">500<",
        ] {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        assert!(svg.starts_with("<svg xmlns") && svg.ends_with("</svg>\n"));
    }
}

#[test]
fn bars_are_as_long_as_their_values() {
    let mut chart = chart(Direction::Right);
    chart.series.truncate(1);
    chart.series[0].values = vec![1000, 250];
    let svg = chart.svg().unwrap();
    let color = "fill=\"#e69f00\"";
    let widths: Vec<f32> = svg
        .lines()
        .filter(|line| line.starts_with("<rect") && line.contains(color))
        .map(|line| line.split("width=\"").nth(1).unwrap().split('"').next().unwrap())
        .map(|width| width.parse().unwrap())
        .collect();
    assert_eq!(widths.len(), 2);
    assert!((widths[0] / widths[1] - 4.0).abs() < 0.01, "{widths:?}");
}

#[test]
fn a_chart_without_data_or_with_endless_words_is_drawn() {
    for direction in [Direction::Right, Direction::Up] {
        let mut empty = chart(direction);
        empty.categories.clear();
        empty.series.clear();
        empty.note.clear();
        assert!(empty.picture().is_ok() && empty.svg().is_ok());
        let mut long = chart(direction);
        long.title = "word ".repeat(1000);
        long.categories[0] = "label".repeat(1000);
        long.series[0].values = vec![u64::MAX, 1];
        let frame = long.picture().unwrap();
        assert_eq!(frame.size().width, 1920);
    }
}

#[test]
fn equal_charts_give_equal_files() {
    let files = || {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        chart(Direction::Up).write(&folder, "a").unwrap().map(|path| std::fs::read(path).unwrap())
    };
    assert_eq!(files(), files());
    assert!(files()[1].starts_with(b"\x89PNG"));
}

#[test]
fn numbers_are_grouped_by_thousands() {
    let texts = [0, 999, 1000, 2_400_000].map(grouped);
    assert_eq!(texts, ["0", "999", "1,000", "2,400,000"]);
}
