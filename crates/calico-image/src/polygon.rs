/// One connected piece of a mask as closed lines along the edges of its pixels.
///
/// Points are `(x, y)` pixel corners: the top left pixel of a picture has the corners
/// `(0, 0)`, `(1, 0)`, `(1, 1)` and `(0, 1)`.
/// The last point of a line connects to the first, which is not repeated.
/// On the screen, with `y` pointing down, the exterior runs clockwise and holes run
/// counterclockwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polygon {
    /// The outer boundary.
    pub exterior: Vec<(u32, u32)>,
    /// The boundaries of the holes.
    pub holes: Vec<Vec<(u32, u32)>>,
}
