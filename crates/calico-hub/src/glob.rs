/// Whether a whole name matches a pattern: `*` stands for any letters, slashes included, `?` for
/// one letter, `[a-z]` and `[!a-z]` for one of a range. A pattern that ends in a slash stands for
/// everything below. These are the rules of the hub's own client.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern: Vec<char> = pattern.chars().collect();
    if pattern.last() == Some(&'/') {
        pattern.push('*');
    }
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut place) = (0, 0);
    // Where the last star is, and how much of the name it has taken: the only thing to go back to.
    let mut star: Option<(usize, usize)> = None;
    while place < name.len() {
        match one(&pattern[at..], name[place]) {
            _ if pattern.get(at) == Some(&'*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(len) => {
                at += len;
                place += 1;
            }
            None => {
                let Some((from, taken)) = star else { return false };
                star = Some((from, taken + 1));
                (at, place) = (from + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|&letter| letter == '*')
}

/// If the pattern begins with what stands for `letter`, how long that is.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    match *pattern.first()? {
        '?' => Some(1),
        '[' => class(pattern, letter),
        plain => (plain == letter).then_some(1),
    }
}

/// The same for a range in brackets; a bracket that is never closed is a plain letter.
fn class(pattern: &[char], letter: char) -> Option<usize> {
    let is_negated = pattern.get(1) == Some(&'!');
    let first = 1 + usize::from(is_negated);
    // A closing bracket in the first place is a member.
    let close = (first + 1..pattern.len()).find(|&at| pattern[at] == ']');
    let Some(close) = close else { return (letter == '[').then_some(1) };
    let members = &pattern[first..close];
    let (mut at, mut found) = (0, false);
    while at < members.len() {
        if at + 2 < members.len() && members[at + 1] == '-' {
            found |= (members[at]..=members[at + 2]).contains(&letter);
            at += 3;
        } else {
            found |= members[at] == letter;
            at += 1;
        }
    }
    (found != is_negated).then_some(close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_those_of_the_python_client() {
        for (pattern, name) in [
            ("*.json", "config.json"),
            ("*.json", "a/b/config.json"),
            ("model-?????-of-*.safetensors", "model-00001-of-00002.safetensors"),
            ("a/", "a/b/c"),
            ("[cp]*.json", "preprocessor.json"),
            ("[!a-c]x", "dx"),
            ("[]]", "]"),
            ("[x", "[x"),
            ("*a*b*", "xxaxxbxx"),
            ("**", ""),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.json", "config.jsonl"),
            ("a/", "b/a"),
            ("[!a-c]x", "bx"),
            ("?", ""),
            ("", "a"),
            ("a*b", "acbd"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!matches(&format!("{}c", "a*".repeat(40)), &format!("{}b", "a".repeat(2000))));
    }
}
