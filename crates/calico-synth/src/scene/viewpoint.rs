use tiny_skia::Transform;

use crate::Pose;

/// From where objects are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewpoint {
    /// Upright, or nearly so.
    Usual,
    /// From anywhere: lying, upside down, strongly slanted.
    Unusual,
}

impl Viewpoint {
    /// From an object's own coordinates to pixels around its centre; `reach` is half the side of
    /// its square in pixels.
    pub(crate) fn transform(self, reach: f32, [x, y]: [f32; 2], pose: &mut Pose<'_>) -> Transform {
        let (turn, slant, stretch) = match self {
            Self::Usual => {
                (pose.between(-15.0, 15.0), pose.between(-0.15, 0.15), pose.between(0.85, 1.18))
            }
            Self::Unusual => {
                (pose.between(-180.0, 180.0), pose.between(-0.4, 0.4), pose.between(0.65, 1.5))
            }
        };
        let side = if pose.chance(0.5) { -1.0 } else { 1.0 };
        let across = stretch.sqrt();
        Transform::from_scale(side * reach * across, reach / across)
            .post_concat(Transform::from_skew(slant, 0.0))
            .post_concat(Transform::from_rotate(turn))
            .post_translate(x, y)
    }
}
