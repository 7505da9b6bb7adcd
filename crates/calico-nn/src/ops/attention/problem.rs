//! The sizes of one attention call, and how its work is cut.

use std::ops::Range;

use super::Bias;
use candle_core::Result;

/// Scores of one tile, in values: 256 KiB, so that a tile and its gradient stay in a core's cache.
const TILE_SCORES: usize = 1 << 16;

/// The fewest and the most queries of a tile.
const TILE_QUERIES: [usize; 2] = [16, 256];

/// The sizes of one attention call.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) batch: usize,
    /// Query heads.
    pub(super) heads: usize,
    /// Key and value heads; they divide the query heads.
    pub(super) kv_heads: usize,
    pub(super) queries: usize,
    pub(super) keys: usize,
    /// Width of a head.
    pub(super) width: usize,
    pub(super) scale: f32,
    pub(super) causal: bool,
    pub(super) segments: Vec<Segment>,
}

/// Queries that see some of the keys, and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) queries: Range<usize>,
    pub(super) keys: Range<usize>,
}

/// The queries of one head in one segment: what is computed without a look at anything else.
#[derive(Debug, Clone)]
pub(super) struct Unit<'a> {
    pub(super) batch: usize,
    pub(super) head: usize,
    pub(super) kv_head: usize,
    pub(super) segment: &'a Segment,
}

impl Segment {
    pub(super) fn whole(queries: usize, keys: usize) -> Self {
        Self { queries: 0..queries, keys: 0..keys }
    }

    /// Whether each of the queries sees a key.
    pub(super) fn is_sound_if_causal(&self) -> bool {
        self.queries.len() <= self.keys.len()
    }
}

/// The segments of a call with this bias.
pub(super) fn segments(bias: Bias<'_>, queries: usize, keys: usize) -> Result<Vec<Segment>> {
    let segments = match bias {
        Bias::Packed(lengths) => {
            let mut end = 0usize;
            let ends = lengths.iter().map(|&length| {
                let start = end;
                end = end.saturating_add(length);
                start..end
            });
            let ranges = ends.collect::<Vec<_>>();
            if queries != keys || end != queries {
                candle_core::bail!(
                    "packed attention: sequences of {end} tokens together, but {queries} queries \
                     and {keys} keys"
                );
            }
            let full = ranges.into_iter().filter(|range| !range.is_empty());
            full.map(|range| Segment { queries: range.clone(), keys: range }).collect()
        }
        _ => vec![Segment::whole(queries, keys)],
    };
    if bias.is_causal() && !segments.iter().all(Segment::is_sound_if_causal) {
        candle_core::bail!("causal attention: {queries} queries but only {keys} keys");
    }
    Ok(segments)
}

impl Problem {
    /// Query heads that share a key head.
    pub(super) fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Query heads of all segments and samples, in the order of their index.
    pub(super) fn units(&self) -> Vec<Unit<'_>> {
        let mut units = Vec::with_capacity(self.batch * self.segments.len() * self.heads);
        for batch in 0..self.batch {
            for segment in &self.segments {
                units.extend((0..self.heads).map(|head| {
                    let kv_head = head / self.group();
                    Unit { batch, head, kv_head, segment }
                }));
            }
        }
        units
    }

    /// The segment of each token on the query axis, or on the key axis.
    pub(super) fn segment_of(&self, range: impl Fn(&Segment) -> Range<usize>) -> Vec<usize> {
        let segments = self.segments.iter().enumerate();
        segments.flat_map(|(index, segment)| range(segment).map(move |_| index)).collect()
    }

    /// How many keys of its segment a query sees.
    pub(super) fn visible(&self, segment: &Segment, query: usize) -> usize {
        if self.causal {
            query + 1 + segment.keys.len() - segment.queries.len()
        } else {
            segment.keys.len()
        }
    }

    /// The queries of a segment in tiles of about equal size, counted from its first query.
    pub(super) fn tiles(&self, segment: &Segment) -> impl Iterator<Item = Range<usize>> {
        let [fewest, most] = TILE_QUERIES;
        let most = if self.causal { most / 4 } else { most };
        let fitting = (TILE_SCORES / segment.keys.len().max(1)).clamp(fewest, most);
        let queries = segment.queries.len();
        let size = queries.div_ceil(queries.div_ceil(fitting).max(1)).max(1);
        (0..queries).step_by(size).map(move |start| start..(start + size).min(queries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_sequences_must_fill_the_tokens() {
        let found = segments(Bias::Packed(&[2, 0, 3]), 5, 5).unwrap();
        let want = |range: Range<usize>| Segment { queries: range.clone(), keys: range };
        assert_eq!(found, [want(0..2), want(2..5)]);
        assert!(segments(Bias::Packed(&[2, 2]), 5, 5).is_err());
        assert!(segments(Bias::Packed(&[2, 3]), 5, 6).is_err());
        assert!(segments(Bias::Packed(&[usize::MAX, 6]), 5, 5).is_err());
    }

    #[test]
    fn tiles_cover_every_query_once() {
        let segment = Segment::whole(300, 200);
        let problem = Problem {
            batch: 1,
            heads: 1,
            kv_heads: 1,
            queries: 300,
            keys: 200,
            width: 1,
            scale: 1.0,
            causal: false,
            segments: vec![segment.clone()],
        };
        let covered = problem.tiles(&segment).flatten().collect::<Vec<_>>();
        assert_eq!(covered, (0..300).collect::<Vec<_>>());
    }
}
