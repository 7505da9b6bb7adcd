use tiny_skia::Path;

/// An object as it is drawn: pieces in the order of painting, later ones over earlier ones.
///
/// Coordinates are the object's own: x to the right, y down, everything within −1 … 1, the object
/// standing upright and filling most of that square in at least one direction.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Every point of the object belongs to the part of the topmost piece over it.
    pub pieces: Vec<Piece>,
}

/// An area of one part. A part may have many pieces: four legs are one part.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The part's label.
    pub part: &'static str,
    /// Its outline, filled by the winding rule.
    pub path: Path,
}
