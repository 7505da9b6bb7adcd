use calico_result::markdown::cell;
use calico_result::terminal::harmless;

/// A table of texts: the first column is named, the others hold numbers.
pub(super) struct Grid {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Grid {
    pub(super) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|&text| text.to_owned()).collect(), rows: Vec::new() }
    }

    /// Aligned columns for a terminal.
    pub(super) fn text(&self) -> String {
        let safe = |row: &Vec<String>| row.iter().map(|cell| harmless(cell)).collect::<Vec<_>>();
        let rows: Vec<Vec<String>> =
            std::iter::once(&self.header).chain(&self.rows).map(safe).collect();
        let columns = self.header.len();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let blanks = " ".repeat(width - cell.chars().count());
                match column {
                    0 => line.extend(["  ", cell, &blanks]),
                    _ => line.extend(["  ", &blanks, cell]),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// A table in Markdown.
    pub(super) fn markdown(&self) -> String {
        let row = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = row(&self.header);
        text.push_str("| --- |");
        text.push_str(&" ---: |".repeat(self.header.len().saturating_sub(1)));
        text.push('\n');
        text.extend(self.rows.iter().map(|cells| row(cells)));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(&["part", "masks"]);
        grid.rows.push(vec!["leg|\u{1b}".to_owned(), "12".to_owned()]);
        grid.rows.push(vec!["backrest".to_owned(), "1,234".to_owned()]);
        grid
    }

    #[test]
    fn names_are_flush_left_and_numbers_flush_right() {
        let expected = "  part      masks\n  leg|\u{fffd}        12\n  backrest  1,234\n";
        assert_eq!(grid().text(), expected);
    }

    #[test]
    fn nothing_in_a_cell_marks_up_markdown() {
        let expected =
            "| part | masks |\n| --- | ---: |\n| leg\\|\u{fffd} | 12 |\n| backrest | 1,234 |\n";
        assert_eq!(grid().markdown(), expected);
    }
}
