use std::fmt::Write as _;

use calico_result::terminal;

use super::Showcase;

/// The counts as text for people.
pub fn terminal(showcase: &Showcase) -> String {
    let mut text = String::new();
    for (task, tally) in &showcase.counts {
        let iou = tally.mean_iou.map_or(String::new(), |iou| format!(", mean IoU {iou:.1} %"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:15}{} of {} exactly right, {} with masks off{iou}",
            task.title(),
            tally.exactly_right,
            tally.shown,
            tally.masks_off,
        );
    }
    if let Some(context) = &showcase.context {
        let _ = writeln!(
            text,
            "{:15}{} of {} images right for both partners",
            "Two partners", context.both_right, context.cases
        );
    }
    let _ = writeln!(
        text,
        "{} from {}, drawn with seed {}",
        terminal::harmless(&showcase.model),
        terminal::harmless(&showcase.origin()),
        showcase.seed
    );
    text
}
