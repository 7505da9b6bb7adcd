use super::*;

fn complete(images: std::ops::Range<u32>) -> Vec<Edge> {
    images.clone().flat_map(|a| (a + 1..images.end).map(move |b| [a, b])).collect()
}

fn check(cells: &[Cell], max_uses: u32, balanced: &Balanced) -> usize {
    let mut uses = std::collections::BTreeMap::new();
    for (cell, picks) in balanced.picks.iter().enumerate() {
        let mut seen = std::collections::BTreeSet::new();
        for pick in picks {
            assert!(seen.insert((pick.pool, pick.edge)), "a pair is chosen twice");
            for image in cells[cell].pools[pick.pool][pick.edge] {
                *uses.entry(image).or_insert(0) += 1;
            }
        }
    }
    assert!(uses.values().all(|count| *count <= max_uses), "{uses:?}");
    let counts: Vec<usize> = balanced.picks.iter().map(Vec::len).collect();
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    counts[0]
}

#[test]
fn a_scarce_cell_is_not_starved_by_a_rich_one() {
    // The second cell needs images that the first could use up.
    let cells =
        [Cell { pools: vec![complete(0..12)] }, Cell { pools: vec![vec![[0, 1], [2, 3], [4, 5]]] }];
    let balanced = balance(&cells, 1, 3, 1, "t");
    assert_eq!(check(&cells, 1, &balanced), 3);
    assert_eq!(balanced.stuck, None);
}

#[test]
fn all_capacity_is_found() {
    // Six images, three uses each: nine pairs, three for each of three cells.
    let cells = vec![Cell { pools: vec![complete(0..6)] }; 3];
    let balanced = balance(&cells, 3, 100, 1, "t");
    assert_eq!(check(&cells, 3, &balanced), 3);
    assert!(balanced.stuck.is_some());
}

#[test]
fn room_is_made_by_exchange() {
    // A path of five images, two cells, one use: only the outer edges leave room for both.
    let path = vec![[0, 1], [1, 2], [2, 3]];
    for seed in 0..20 {
        let cells =
            [Cell { pools: vec![path.clone()] }, Cell { pools: vec![vec![[2, 3], [1, 2]]] }];
        let balanced = balance(&cells, 1, 1, seed, "t");
        assert_eq!(check(&cells, 1, &balanced), 1);
    }
}

#[test]
fn class_pairs_take_turns() {
    let pools = vec![complete(0..10), vec![[10, 11]], complete(12..20)];
    let cells = [Cell { pools }];
    let balanced = balance(&cells, 3, 7, 1, "t");
    let pools: Vec<usize> = balanced.picks[0].iter().map(|pick| pick.pool).collect();
    assert_eq!(pools, [0, 1, 2, 0, 2, 0, 2]);
}

#[test]
fn groups_take_turns() {
    let groups = vec![vec!["a1", "a2", "a3"], vec!["b1"], vec!["c1", "c2"]];
    let order = interleaved(groups, 1, "t");
    let groups: Vec<char> = order.iter().filter_map(|pair| pair.chars().next()).collect();
    assert_eq!(groups, ['a', 'b', 'c', 'a', 'c', 'a']);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]
    #[test]
    fn small_cells_hold_as_many_as_is_possible(
        raw in proptest::collection::vec(
            proptest::collection::btree_set((0_u32..6, 0_u32..6), 1..6), 2..4),
        max_uses in 1_u32..3,
    ) {
        let cells: Vec<Cell> = raw
            .iter()
            .map(|edges| {
                let edges = edges.iter().map(|(a, b)| [*a, if a == b { *b + 6 } else { *b }]);
                Cell { pools: vec![edges.collect()] }
            })
            .collect();
        let balanced = balance(&cells, max_uses, 3, 5, "t");
        let found = check(&cells, max_uses, &balanced);
        let possible = (0..=3).rev().find(|n| exists(&cells, max_uses, *n)).unwrap_or(0);
        proptest::prop_assert_eq!(found, possible);
    }
}

/// Whether each cell can have `n` picks, by trying everything.
fn exists(cells: &[Cell], max_uses: u32, n: usize) -> bool {
    fn go(
        cells: &[Cell],
        max_uses: u32,
        n: usize,
        from: usize,
        left: usize,
        uses: &mut [u32],
    ) -> bool {
        let Some((cell, rest)) = cells.split_first() else { return true };
        if left == 0 {
            return go(rest, max_uses, n, 0, n, uses);
        }
        let edges = &cell.pools[0];
        (from..edges.len()).any(|at| {
            let images = edges[at].map(|image| image as usize);
            if images.iter().any(|image| uses[*image] >= max_uses) {
                return false;
            }
            for image in images {
                uses[image] += 1;
            }
            let found = go(cells, max_uses, n, at + 1, left - 1, uses);
            for image in images {
                uses[image] -= 1;
            }
            found
        })
    }
    n == 0 || go(cells, max_uses, n, 0, n, &mut [0; 12])
}
