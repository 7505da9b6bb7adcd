use calico_result::Task;
use serde::Serialize;

/// What the paper reports, in percent; quoted, never measured here.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Published {
    /// Where the numbers stand.
    pub source: &'static str,
    /// What to keep in mind when comparing.
    pub note: &'static str,
    /// The mean over the sub-tasks, per method: Table 1.
    pub methods: &'static [PublishedRow],
    /// CALICO without some of its modules: Table 2.
    pub ablations: &'static [PublishedRow],
    /// CALICO per sub-task.
    pub tasks: &'static [PublishedTask],
}

/// One published row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PublishedRow {
    /// The method, as the paper names it.
    pub method: &'static str,
    /// AP50.
    pub ap50: f64,
    /// mIoU.
    pub miou: f64,
    /// Recall.
    pub recall: f64,
    /// Semantic similarity.
    pub ss: f64,
    /// Semantic `IoU`.
    pub s_iou: f64,
}

/// The published row of one sub-task.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PublishedTask {
    /// The sub-task.
    pub task: Task,
    /// Its numbers.
    #[serde(flatten)]
    pub row: PublishedRow,
}

const fn row(method: &'static str, [ap50, miou, recall, ss, s_iou]: [f64; 5]) -> PublishedRow {
    PublishedRow { method, ap50, miou, recall, ss, s_iou }
}

const fn task(task: Task, numbers: [f64; 5]) -> PublishedTask {
    PublishedTask { task, row: row("CALICO", numbers) }
}

/// The numbers of the paper.
pub const PUBLISHED: Published = Published {
    source: "Nguyen et al., CALICO: Part-Focused Semantic Co-Segmentation with Large \
             Vision-Language Models, CVPR 2025",
    note: "quoted from the paper, on its own test split, not measured here. Its mIoU is that of \
           matched pairs: never compare it with miou_strict. Its label test is taken to be \
           GLaMM's: compare Recall only with label_test bert",
    methods: &[
        row("Cascade", [5.7, 27.9, 19.0, 32.2, 14.8]),
        row("Multi-Image PartGLEE", [1.2, 29.3, 9.7, 78.5, 63.3]),
        row("Multi-Image VLPart", [13.4, 42.8, 34.6, 59.1, 46.5]),
        row("Multi-Image GLaMM (tuned)", [42.9, 59.9, 54.9, 76.8, 71.2]),
        row("Multi-Image LISA (tuned)", [41.4, 59.7, 55.5, 78.7, 72.5]),
        row("CALICO", [45.9, 63.7, 59.7, 82.7, 77.1]),
    ],
    ablations: &[
        row("CALICO w/o Q-Former", [38.5, 59.2, 44.8, 64.5, 55.6]),
        row("CALICO w/o DINO", [43.9, 61.7, 57.1, 80.2, 74.5]),
        row("CALICO w/o CEM", [43.6, 61.6, 57.5, 80.8, 75.2]),
        row("CALICO w/o CAM", [45.9, 63.3, 59.7, 82.0, 76.5]),
        row("CALICO w/o CEM w/o CAM", [44.1, 62.7, 58.1, 81.6, 76.3]),
    ],
    tasks: &[
        task(Task::CommonObjects, [69.2, 75.2, 78.5, 93.7, 93.4]),
        task(Task::CommonParts, [38.4, 56.9, 51.9, 74.4, 64.4]),
        task(Task::UniqueParts, [30.2, 59.1, 48.8, 80.1, 73.4]),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_the_sub_tasks_is_the_row_of_table_1() {
        let numbers = |row: &PublishedRow| [row.ap50, row.miou, row.recall, row.ss, row.s_iou];
        let whole = PUBLISHED.methods.iter().find(|row| row.method == "CALICO").unwrap();
        for (column, expected) in numbers(whole).into_iter().enumerate() {
            let sum: f64 = PUBLISHED.tasks.iter().map(|task| numbers(&task.row)[column]).sum();
            assert!((sum / 3.0 - expected).abs() < 0.051, "{sum} {expected}");
        }
    }
}
