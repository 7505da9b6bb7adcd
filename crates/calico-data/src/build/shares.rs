//! How an amount is shared: equally by sub-task, then source, then group, then class pair, and what
//! one of them cannot fill goes to its siblings first (mixedparts.md 7).

use super::leaf::Leaf;

/// Sets the targets of leaves that are sorted by task and branch, so that they sum to `amount` if
/// the leaves that are not exhausted can fill it.
pub(crate) fn set_targets(leaves: &mut [Leaf], amount: u64) {
    share(leaves, amount, 0);
}

/// The key of a leaf at a depth of the tree; beyond its last branch a leaf is alone.
fn same_branch(a: &Leaf, b: &Leaf, depth: usize) -> bool {
    match depth {
        0 => a.task == b.task,
        1 => a.branch.0 == b.branch.0,
        2 => a.branch == b.branch,
        _ => false,
    }
}

fn share(leaves: &mut [Leaf], amount: u64, depth: usize) {
    if let [leaf] = leaves
        && depth > 3
    {
        leaf.target = amount;
        return;
    }
    let mut limits = Vec::new();
    for branch in leaves.chunk_by(|a, b| same_branch(a, b, depth)) {
        limits.push(limit(branch));
    }
    let mut amounts = even(&limits, amount).into_iter();
    for branch in leaves.chunk_by_mut(|a, b| same_branch(a, b, depth)) {
        share(branch, amounts.next().unwrap_or(0), depth + 1);
    }
}

/// The most that leaves can come to; `None` if that is not known yet.
fn limit(leaves: &[Leaf]) -> Option<u64> {
    leaves
        .iter()
        .map(|leaf| match (leaf.is_exhausted, leaf.most) {
            (true, _) => Some(leaf.filled),
            (false, u64::MAX) => None,
            (false, most) => Some(most),
        })
        .try_fold(0_u64, |sum, limit| limit.map(|limit| sum.saturating_add(limit)))
}

/// Shares an amount equally among those that can take it; a remainder goes to the first ones.
fn even(limits: &[Option<u64>], amount: u64) -> Vec<u64> {
    let mut given = vec![0; limits.len()];
    let mut is_open = vec![true; limits.len()];
    let mut rest = amount;
    loop {
        let open = is_open.iter().filter(|open| **open).count() as u64;
        if open == 0 {
            return given;
        }
        let (each, extra) = (rest / open, rest % open);
        let ceiling = each + u64::from(extra > 0);
        let mut has_closed = false;
        for (at, limit) in limits.iter().enumerate() {
            if let Some(limit) = limit.filter(|limit| is_open[at] && *limit < ceiling) {
                (given[at], is_open[at], has_closed) = (limit, false, true);
                rest -= limit;
            }
        }
        if !has_closed {
            let mut extra = extra;
            for at in 0..limits.len() {
                if is_open[at] {
                    given[at] = each + u64::from(extra > 0);
                    extra = extra.saturating_sub(1);
                }
            }
            return given;
        }
    }
}

#[cfg(test)]
mod tests {
    use calico_result::Task;

    use super::*;

    fn leaf(task: Task, source: u16, group: u32) -> Leaf {
        Leaf {
            pair: 0,
            task,
            branch: (source, group),
            position: 0,
            filled: 0,
            target: 0,
            most: u64::MAX,
            is_exhausted: false,
        }
    }

    fn targets(leaves: &[Leaf]) -> Vec<u64> {
        leaves.iter().map(|leaf| leaf.target).collect()
    }

    #[test]
    fn each_level_shares_equally() {
        let mut leaves = vec![
            leaf(Task::CommonObjects, 0, 0),
            leaf(Task::CommonParts, 0, 0),
            leaf(Task::CommonParts, 0, 1),
            leaf(Task::CommonParts, 0, 1),
            leaf(Task::CommonParts, 1, 2),
        ];
        set_targets(&mut leaves, 160);
        assert_eq!(targets(&leaves), [80, 20, 10, 10, 40]);
    }

    #[test]
    fn what_one_cannot_fill_goes_to_its_siblings_first() {
        let mut leaves = vec![
            leaf(Task::CommonObjects, 0, 0),
            leaf(Task::CommonParts, 0, 0),
            leaf(Task::CommonParts, 0, 1),
            leaf(Task::CommonParts, 1, 2),
        ];
        (leaves[1].filled, leaves[1].is_exhausted) = (5, true);
        leaves[3].most = 30;
        set_targets(&mut leaves, 160);
        assert_eq!(targets(&leaves), [80, 5, 45, 30]);
        (leaves[2].filled, leaves[2].is_exhausted) = (10, true);
        set_targets(&mut leaves, 160);
        assert_eq!(targets(&leaves), [115, 5, 10, 30]);
    }

    proptest::proptest! {
        #[test]
        fn shares_are_even_within_limits(
            limits in proptest::collection::vec(proptest::option::of(0_u64..50), 1..9),
            amount in 0_u64..300,
        ) {
            let given = even(&limits, amount);
            let total: u64 = given.iter().sum();
            let most = limits.iter().try_fold(0, |sum, limit| limit.map(|limit| sum + limit));
            proptest::prop_assert_eq!(total, most.map_or(amount, |most: u64| most.min(amount)));
            let largest = given.iter().max().copied().unwrap_or(0);
            for (given, limit) in given.iter().zip(&limits) {
                proptest::prop_assert!(limit.is_none_or(|limit| *given <= limit));
                // Who has less than the others cannot take more.
                proptest::prop_assert!(*given + 1 >= largest || *limit == Some(*given));
            }
        }
    }
}
