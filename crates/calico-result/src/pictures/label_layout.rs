//! Where the labels go: beside or on their masks, inside the picture, clear of each other.

use tiny_skia::Rect;

use super::coverage::Coverage;

/// A label to place.
pub(super) struct LabelRequest {
    /// Width and height of its plate.
    pub(super) size: (f32, f32),
    /// A point of its mask, canvas pixels.
    pub(super) anchor: (f32, f32),
    /// Its mask.
    pub(super) coverage: Coverage,
}

/// The plates of the labels, in the order of the requests; `None` where one does not fit into the
/// area at all. Put the requests with the least freedom, the small masks, first.
pub(super) fn place(area: Rect, gap: f32, requests: &[LabelRequest]) -> Vec<Option<Rect>> {
    let mut plates: Vec<Option<Rect>> = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        let candidates = candidates(area, gap, request);
        let cost = |plate: &Rect| cost(*plate, gap, index, requests, &plates);
        let best = candidates.min_by(|a, b| cost(a).total_cmp(&cost(b)));
        plates.push(best);
    }
    plates
}

/// Positions on a grid over the whole area, and the one centred on the anchor.
fn candidates(area: Rect, gap: f32, request: &LabelRequest) -> impl Iterator<Item = Rect> {
    let (width, height) = request.size;
    let fits = |gap: f32| area.width() >= width + 2.0 * gap && area.height() >= height + 2.0 * gap;
    let inset = if fits(gap) { gap } else { 0.0 };
    let free = if fits(0.0) {
        let (left, top) = (area.left() + inset, area.top() + inset);
        Some((left, top, area.right() - inset - width, area.bottom() - inset - height))
    } else {
        None
    };
    let step = (height / 3.0).max(3.0);
    free.into_iter().flat_map(move |(left, top, right, bottom)| {
        let columns = ((right - left) / step) as u32;
        let rows = ((bottom - top) / step) as u32;
        let on_grid = (0..=rows).flat_map(move |row| {
            (0..=columns).map(move |column| (left + column as f32 * step, top + row as f32 * step))
        });
        let (x, y) = request.anchor;
        let centered = (
            (x - width / 2.0).clamp(left, right.max(left)),
            (y - height / 2.0).clamp(top, bottom.max(top)),
        );
        let positions = std::iter::once(centered).chain(on_grid);
        positions.filter_map(move |(x, y)| Rect::from_xywh(x, y, width, height))
    })
}

/// What speaks against a position, the sum of:
/// - covering another label, which outweighs everything else;
/// - covering the mask itself or another one, by the share that is hidden;
/// - lying across the rim of the mask instead of inside or beside it;
/// - the way to the anchor, in plate heights.
fn cost(
    plate: Rect,
    gap: f32,
    index: usize,
    requests: &[LabelRequest],
    placed: &[Option<Rect>],
) -> f32 {
    let own = &requests[index];
    let overlap: f32 = placed
        .iter()
        .flatten()
        .filter_map(|other| other.outset(gap, gap)?.intersect(&plate))
        .map(|common| common.width() * common.height() / (plate.width() * plate.height()))
        .sum();
    let others = requests.iter().enumerate().filter(|(other, _)| *other != index);
    let hidden: f32 = others.map(|(_, other)| other.coverage.share(plate)).sum();
    let (x, y) = own.anchor;
    let center = (plate.left() + plate.width() / 2.0 - x, plate.top() + plate.height() / 2.0 - y);
    let outside = (
        (center.0.abs() - plate.width() / 2.0).max(0.0),
        (center.1.abs() - plate.height() / 2.0).max(0.0),
    );
    let way = outside.0.hypot(outside.1) / plate.height();
    // The centre only decides between positions that are otherwise alike.
    let lean = center.0.hypot(center.1) / plate.height();
    let filled = own.coverage.filled(plate);
    let across = filled * (1.0 - filled);
    let hiding = 2.0 * own.coverage.share(plate) + hidden;
    50.0 * overlap + hiding + across + 0.2 * way + 0.02 * lean
}

#[cfg(test)]
mod tests {
    use calico_image::{Mask, Size};

    use super::super::placement::Placement;
    use super::*;

    fn request(mask: &Mask, anchor: (f32, f32)) -> LabelRequest {
        let (drawn, original) = (mask.size(), mask.size());
        let coverage = Coverage::new(mask, &Placement { x: 0, y: 0, drawn, original });
        LabelRequest { size: (60.0, 20.0), anchor, coverage }
    }

    fn inside(area: Rect, plate: Rect) -> bool {
        area.intersect(&plate) == Some(plate)
    }

    #[test]
    fn labels_of_neighbours_stay_in_the_picture_and_apart() {
        let area = Rect::from_xywh(0.0, 0.0, 200.0, 120.0).unwrap();
        let size = Size::new(120, 200);
        let masks = [[180, 0, 20, 10], [170, 4, 20, 10], [150, 100, 50, 20], [160, 90, 40, 10]];
        let requests: Vec<_> = masks
            .iter()
            .map(|&[x, y, w, h]| {
                let mask = crate::sample::rectangle(size, [x, y, w, h]);
                request(&mask, ((x + w / 2) as f32, (y + h / 2) as f32))
            })
            .collect();
        let plates: Vec<Rect> =
            place(area, 3.0, &requests).into_iter().map(Option::unwrap).collect();
        for (index, plate) in plates.iter().enumerate() {
            assert!(inside(area, *plate), "{plate:?}");
            assert!(plates[..index].iter().all(|other| other.intersect(plate).is_none()));
        }
    }

    #[test]
    fn a_large_mask_carries_its_label_and_a_small_one_stands_beside_it() {
        let area = Rect::from_xywh(0.0, 0.0, 400.0, 300.0).unwrap();
        let size = Size::new(300, 400);
        let large = crate::sample::rectangle(size, [20, 20, 360, 260]);
        let plate = place(area, 3.0, &[request(&large, (200.0, 150.0))])[0].unwrap();
        assert!((plate.left() + 30.0 - 200.0).abs() < 1.0);
        let small = request(&crate::sample::rectangle(size, [190, 140, 20, 20]), (200.0, 150.0));
        let plate = place(area, 3.0, &[small])[0].unwrap();
        let core = Rect::from_xywh(192.0, 142.0, 16.0, 16.0).unwrap();
        assert_eq!(plate.intersect(&core), None);
    }

    #[test]
    fn a_plate_larger_than_the_picture_is_left_out() {
        let area = Rect::from_xywh(0.0, 0.0, 30.0, 10.0).unwrap();
        let mask = Mask::filled(Size::new(10, 30));
        assert_eq!(place(area, 3.0, &[request(&mask, (5.0, 5.0))]), [None]);
    }
}
