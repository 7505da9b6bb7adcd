use super::{Match, Overlaps};

/// The pairs whose `IoUs` have the largest sum, one per target and per prediction at most; pairs
/// without a common pixel are left out. In the order of targets.
///
/// Exact: shortest augmenting paths with potentials (Kuhn, Munkres; in the form of Jonker and
/// Volgenant), in O(n² m) for sides n ≤ m. Its sums equal those of scipy's
/// `linear_sum_assignment`; where several assignments have the same sum, it may find another one.
pub(crate) fn hungarian(overlaps: &Overlaps) -> Vec<Match> {
    let (targets, predictions) = (overlaps.targets(), overlaps.predictions());
    let pair =
        |target, prediction| Match { target, prediction, iou: overlaps.at(target, prediction) };
    let mut matches: Vec<Match> = if targets <= predictions {
        let columns = assign(targets, predictions, |row, column| -overlaps.at(row, column));
        columns.into_iter().enumerate().map(|(row, column)| pair(row, column)).collect()
    } else {
        let columns = assign(predictions, targets, |row, column| -overlaps.at(column, row));
        columns.into_iter().enumerate().map(|(row, column)| pair(column, row)).collect()
    };
    matches.retain(|found| found.iou > 0.0);
    matches.sort_by_key(|found| found.target);
    matches
}

/// The column of each row with the smallest total cost, for at most as many rows as columns.
fn assign(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let mut search = Search {
        row_potential: vec![0.0; rows],
        column_potential: vec![0.0; columns],
        row_of: vec![None; columns],
    };
    for row in 0..rows {
        search.add(row, &cost);
    }
    let mut column_of = vec![0; rows];
    for (column, row) in search.row_of.iter().enumerate() {
        if let Some(row) = *row {
            column_of[row] = column;
        }
    }
    column_of
}

/// An assignment of the first rows, and potentials that prove it the cheapest.
struct Search {
    row_potential: Vec<f64>,
    column_potential: Vec<f64>,
    row_of: Vec<Option<usize>>,
}

impl Search {
    /// Adds a row along the shortest path to a free column.
    fn add(&mut self, row: usize, cost: &impl Fn(usize, usize) -> f64) {
        let columns = self.row_of.len();
        let mut distance = vec![f64::INFINITY; columns];
        // The column before each column on the shortest path; none where the path begins.
        let mut before = vec![None; columns];
        let mut visited = vec![false; columns];
        let (mut at_row, mut at_column, mut shortest) = (row, None, 0.0);
        let last = loop {
            let mut next: Option<usize> = None;
            for column in 0..columns {
                if visited[column] {
                    continue;
                }
                let reduced = shortest + cost(at_row, column)
                    - self.row_potential[at_row]
                    - self.column_potential[column];
                if reduced < distance[column] {
                    distance[column] = reduced;
                    before[column] = at_column;
                }
                if next.is_none_or(|next| distance[column] < distance[next]) {
                    next = Some(column);
                }
            }
            // There is a free column, for rows are at most as many as columns.
            let Some(column) = next else { return };
            shortest = distance[column];
            visited[column] = true;
            match self.row_of[column] {
                None => break column,
                Some(of_column) => (at_row, at_column) = (of_column, Some(column)),
            }
        };
        self.row_potential[row] += shortest;
        for column in (0..columns).filter(|&column| visited[column] && column != last) {
            let slack = shortest - distance[column];
            self.column_potential[column] -= slack;
            if let Some(of_column) = self.row_of[column] {
                self.row_potential[of_column] += slack;
            }
        }
        let mut column = last;
        while let Some(earlier) = before[column] {
            self.row_of[column] = self.row_of[earlier];
            column = earlier;
        }
        self.row_of[column] = Some(row);
    }
}

#[cfg(test)]
mod tests;
