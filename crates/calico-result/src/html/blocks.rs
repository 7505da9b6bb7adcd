//! Blocks of a page around things that are made elsewhere.

use std::fmt::Write as _;

use super::escaped;

/// A table; the first column holds names, the others numbers.
pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let mut html = String::from("<table><thead><tr>");
    for title in titles {
        // Writing to a string cannot fail.
        let _ = write!(html, "<th>{}</th>", escaped(title));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = write!(html, "<td>{}</td>", escaped(cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table>\n");
    html
}

/// Names with what they are, one below the other.
pub fn facts(facts: &[(String, String)]) -> String {
    let mut html = String::from("<dl class=\"facts\">\n");
    for (name, value) in facts {
        let _ = writeln!(html, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
    }
    html.push_str("</dl>\n");
    html
}

/// A chart, as its own `svg` function gives it, with links to its files below.
pub fn chart(svg: &str, files: &[&str]) -> String {
    let link = |file: &&str| {
        let name = file.rsplit('/').next().unwrap_or(file);
        format!("<a href=\"{}\">{}</a>", address(file), escaped(name))
    };
    let links: Vec<String> = files.iter().map(link).collect();
    let links = links.join(" · ");
    format!("<figure class=\"chart\">{svg}<figcaption>{links}</figcaption></figure>\n")
}

/// A picture that stands in a file beside the page, with a caption below.
pub fn picture(file: &str, caption: &str) -> String {
    let (file, caption) = (address(file), escaped(caption));
    format!(
        "<figure class=\"picture\"><a href=\"{file}\"><img src=\"{file}\" alt=\"{caption}\" \
         loading=\"lazy\"></a><figcaption>{caption}</figcaption></figure>\n"
    )
}

/// A text as it is, folded away under a title.
pub fn folded_text(title: &str, text: &str) -> String {
    let (title, text) = (escaped(title), escaped(text));
    format!("<details><summary>{title}</summary><pre>{text}</pre></details>\n")
}

/// A relative path as an address: whatever else the bytes of a name could mean is spelled out.
fn address(path: &str) -> String {
    let mut address = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_breaks_a_block() {
        let bad = "<script>\"&".to_owned();
        let blocks = [
            table(&[&bad], &[vec![bad.clone()]]),
            facts(&[(bad.clone(), bad.clone())]),
            chart("<svg></svg>", &[&bad]),
            picture(&bad, &bad),
            folded_text(&bad, &bad),
        ];
        for block in blocks {
            assert!(!block.contains("<script") && !block.contains("\"\"&"), "{block}");
        }
    }

    #[test]
    fn names_of_files_become_addresses() {
        assert_eq!(address("a b\\1#2.png"), "a%20b/1%232.png");
        assert_eq!(address("javascript:x"), "javascript%3Ax");
    }
}
