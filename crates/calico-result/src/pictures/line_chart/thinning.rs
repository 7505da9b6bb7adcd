/// A line in pixels with at most four points per column: the first, the lowest, the highest and
/// the last of it, so that it covers what the whole line covers.
pub(super) fn thinned(points: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let column = |point: &(f32, f32)| point.0.floor() as i64;
    let mut kept = Vec::new();
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        let extreme = |sign: f32| {
            let order =
                |&a: &usize, &b: &usize| (sign * group[a].1).total_cmp(&(sign * group[b].1));
            (0..group.len()).min_by(order).unwrap_or(0)
        };
        let mut places = [0, extreme(1.0), extreme(-1.0), group.len() - 1].to_vec();
        places.sort_unstable();
        places.dedup();
        kept.extend(places.into_iter().map(|place| group[place]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_becomes_short_and_keeps_its_extremes() {
        let points: Vec<(f32, f32)> = (0..100_000)
            .map(|at| (at as f32 / 100.0, if at == 61_234 { 900.0 } else { (at % 7) as f32 }))
            .collect();
        let kept = thinned(&points);
        assert!(kept.len() <= 4 * 1000, "{}", kept.len());
        assert!(kept.contains(&points[61_234]));
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.is_sorted_by(|a, b| a.0 <= b.0));
        let few = vec![(0.0, 1.0), (0.5, 2.0), (0.7, 0.0), (3.0, 1.0)];
        assert_eq!(thinned(&few), few);
        assert_eq!(thinned(&[]), []);
    }
}
