//! Relative links in Markdown lead somewhere.

use crate::sources::has_extension;
use crate::tidy::Finding;
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = tree.iter().filter(|(path, _)| has_extension(path, "md"));
    let problems = pages.flat_map(|(path, file)| {
        prose(&file.text).flat_map(move |(line, text)| {
            targets(&text)
                .filter_map(|target| problem(tree, path, target))
                .map(|text| Finding::new(path, line, text))
                .collect::<Vec<_>>()
        })
    });
    problems.collect()
}

/// Numbered lines outside of code blocks, without their inline code.
fn prose(page: &str) -> impl Iterator<Item = (usize, String)> {
    let mut code = false;
    page.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        let text = line.split('`').step_by(2).collect();
        (!code && !fence).then_some((index + 1, text))
    })
}

/// What a line links to: `[text](target)`, `[label]: target`, and HTML.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = [("](", ')'), ("src=\"", '"'), ("href=\"", '"')].into_iter().flat_map(
        move |(open, close)| {
            let starts = line.match_indices(open);
            starts.filter_map(move |(at, _)| line[at + open.len()..].split(close).next())
        },
    );
    let definition = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    inline
        .chain(definition.map(|(_, target)| target))
        .filter_map(|target| target.split_whitespace().next())
        .map(|target| target.trim_matches(['<', '>']))
}

fn problem(tree: &Tree, page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let Some(path) = resolve(page, file).filter(|path| tree.has(path)) else {
        return Some(format!("links to {target}, which is missing: correct the path"));
    };
    let linked = tree.text(&path).filter(|_| has_extension(&path, "md"))?;
    let known = anchor.is_empty() || anchors(linked).any(|slug| slug == anchor);
    (!known)
        .then(|| format!("links to {target}, but {path} has no such heading: correct the anchor"))
}

/// The path from the root of a link in `page`, unless it leaves the root.
fn resolve(page: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/').filter(|part| !["", "."].contains(part)) {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    (!link.starts_with('/')).then(|| parts.join("/"))
}

/// The anchors that GitHub gives to headings.
fn anchors(page: &str) -> impl Iterator<Item = String> {
    let mut code = false;
    let headings = page.lines().filter(move |line| {
        code ^= line.starts_with("```");
        !code && line.starts_with('#')
    });
    headings.map(|heading| {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        title
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(page: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("docs/page.md", page),
            ("docs/near.md", "# Near, and `dear`\n"),
            ("src/far.rs", ""),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let page = "# Top\n[a](near.md) ![b](../src/far.rs \"title\") [c](../src/) [d](#top)\n\
                    [`e`](near.md#near-and-dear) <img src=\"near.md\"> [f](https://example.org/x)\n\
                    [g]: ./near.md\n```text\n[h](missing.md)\n```\n`[i](missing.md)`\n";
        assert_eq!(shown(page), Vec::<String>::new());
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let page = "[a](missing.md)\n[b](#bottom)\n[c](../../near.md)\n[d](/near.md)\n\
                    [e](near.md#far)\n[f]: missing.md\n";
        let found = shown(page);
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(found[1].starts_with("docs/page.md:2: links to #bottom, but docs/page.md"));
    }
}
