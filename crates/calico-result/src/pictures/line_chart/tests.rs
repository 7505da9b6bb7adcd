use super::*;
use crate::create_output_folder;

/// A loss that falls with noise, and three validations, over two stages.
fn chart(steps: u32) -> LineChart {
    let noise = |step: u32| f64::from(step.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
    let loss = |step: u32| {
        let step_share = f64::from(step) / f64::from(steps);
        (f64::from(step), 0.6 + 4.0 * (-6.0 * step_share).exp() + 0.6 * (noise(step) - 0.5))
    };
    let line = |name: &str, points, smooth| Line { name: name.to_owned(), points, smooth };
    let rare = |step: u32| (f64::from(step), 0.4 + 2.0 / (1.0 + f64::from(step)));
    LineChart {
        title: "Loss <of> a run".to_owned(),
        note: "faint: each step; strong: smoothed".to_owned(),
        x_axis: "step".to_owned(),
        y_axis: "loss".to_owned(),
        scale: Scale::Linear,
        lines: vec![
            line("total & all", (1..=steps).map(loss).collect(), true),
            line("rare", (1..=3).map(|part| rare(part * steps / 4)).collect(), false),
        ],
        marks: vec![
            Mark { at: 1.0, label: "dense".to_owned() },
            Mark { at: f64::from(steps / 3), label: "joint".to_owned() },
        ],
    }
}

fn curves(svg: &str, width: &str) -> Vec<Vec<(f32, f32)>> {
    let width = format!("stroke-width=\"{width}\"");
    let lines = svg.lines().filter(|line| line.contains(&width) && line.contains("fill=\"none\""));
    lines
        .map(|line| {
            let data = line.split('"').nth(1).unwrap();
            let points = data[1..].split('L').map(|point| point.split_once(' ').unwrap());
            points.map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
        })
        .collect()
}

#[test]
fn a_chart_names_its_axes_lines_marks_and_numbers() {
    let svg = chart(400).svg().unwrap();
    for text in [
        "Loss &lt;of&gt; a run",
        ">faint: each step; strong: smoothed<",
        ">step<",
        ">loss<",
        ">total &amp; all<",
        ">rare<",
        ">dense<",
        ">joint<",
        ">300<",
        ">4<",
        "prefers-color-scheme:dark",
    ] {
        assert!(svg.contains(text), "{text} is missing in {svg}");
    }
}

#[test]
fn a_smoothed_line_lies_over_a_faint_one_and_few_points_are_dots() {
    let svg = chart(400).svg().unwrap();
    let (faint, strong, dots) = (curves(&svg, "1"), curves(&svg, "2"), curves(&svg, "6"));
    assert_eq!((faint.len(), strong.len(), dots.len()), (1, 2, 3));
    let jumps = |line: &[(f32, f32)]| -> f32 {
        line.windows(2).map(|pair| (pair[0].1 - pair[1].1).abs()).sum()
    };
    assert!(jumps(&strong[0]) * 3.0 < jumps(&faint[0]));
    let few = chart(19).svg().unwrap();
    assert_eq!(curves(&few, "1").len(), 0);
}

#[test]
fn places_are_in_proportion_to_steps_and_values() {
    let mut linear = chart(10);
    linear.lines.truncate(1);
    linear.lines[0].points = vec![(0.0, 0.0), (5.0, 1.0), (10.0, 4.0)];
    let svg = linear.svg().unwrap();
    let points = curves(&svg, "2").remove(0);
    assert!((points[1].0 - f32::midpoint(points[0].0, points[2].0)).abs() < 0.2, "{points:?}");
    let heights = [points[0].1 - points[1].1, points[0].1 - points[2].1];
    assert!((heights[1] / heights[0] - 4.0).abs() < 0.02, "{points:?}");
    // On a logarithmic scale 0 has no place, and 1, 10, 100 are equally far apart.
    let mut logarithmic = linear;
    logarithmic.scale = Scale::Logarithmic;
    logarithmic.lines[0].points = vec![(0.0, 1.0), (1.0, 10.0), (2.0, 100.0), (3.0, 0.0)];
    let points = curves(&logarithmic.svg().unwrap(), "2").remove(0);
    assert_eq!(points.len(), 3);
    assert!((points[0].1 - 2.0 * points[1].1 + points[2].1).abs() < 0.2, "{points:?}");
}

#[test]
fn a_hole_breaks_the_line_and_a_spike_does_not_flatten_it() {
    let mut chart = chart(3000);
    let without = curves(&chart.svg().unwrap(), "2").remove(0);
    chart.lines[0].points[1500].1 = 4000.0;
    let with = curves(&chart.svg().unwrap(), "2").remove(0);
    let span = |line: &[(f32, f32)]| {
        let heights = || line.iter().map(|point| point.1);
        heights().fold(0.0, f32::max) - heights().fold(f32::MAX, f32::min)
    };
    assert!(span(&with) > 0.5 * span(&without), "{} {}", span(&with), span(&without));
    chart.lines[0].points[1500].1 = f64::NAN;
    assert_eq!(curves(&chart.svg().unwrap(), "1").len(), 2);
}

#[test]
fn smoothing_does_not_reach_over_a_gap() {
    let mut chart = chart(400);
    chart.lines.truncate(1);
    let level = |step: u32| (f64::from(step), if step < 200 { 1.0 } else { 9.0 });
    chart.lines[0].points = (0..400).map(level).collect();
    let all = curves(&chart.svg().unwrap(), "2");
    assert!(all.len() == 1 && all[0].iter().any(|point| (point.1 - all[0][0].1).abs() > 9.0));
    chart.lines[0].points.insert(200, (200.0, f64::NAN));
    let pieces = curves(&chart.svg().unwrap(), "2");
    assert_eq!(pieces.len(), 2);
    for piece in pieces {
        assert!(piece.iter().all(|point| (point.1 - piece[0].1).abs() < 0.2), "{piece:?}");
    }
}

#[test]
fn a_hundred_thousand_steps_are_drawn_in_little_space() {
    let svg = chart(100_000).svg().unwrap();
    assert!(svg.len() < 200_000, "{}", svg.len());
    assert!(chart(100_000).picture().is_ok());
}

#[test]
fn nothing_and_nonsense_are_drawn() {
    let mut empty = chart(4);
    empty.lines.clear();
    empty.marks.clear();
    assert!(empty.picture().is_ok() && empty.svg().is_ok());
    for value in [f64::NAN, f64::INFINITY, f64::MAX, -1.0, 0.0, f64::MIN_POSITIVE, 1e299] {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            let mut odd = chart(40);
            odd.scale = scale;
            odd.lines[0].points[7].1 = value;
            odd.lines[1].points = vec![(f64::NAN, value), (3.0, value), (value, 3.0)];
            odd.marks[0].label = "word ".repeat(400);
            odd.lines[1].name = "name ".repeat(400);
            odd.marks[1].at = value;
            let svg = odd.svg().unwrap();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{value} {scale:?}");
            assert_eq!(odd.picture().unwrap().size().width, 1920);
        }
    }
}

#[test]
fn equal_charts_give_equal_files() {
    let files = || {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        chart(500).write(&folder, "loss").unwrap().map(|path| std::fs::read(path).unwrap())
    };
    assert_eq!(files(), files());
    assert!(files()[1].starts_with(b"\x89PNG"));
}
