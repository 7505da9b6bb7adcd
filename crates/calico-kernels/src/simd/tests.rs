use super::*;

/// Runs every operation on one set of inputs and writes down what comes out.
struct Everything {
    a: [u8; 64],
    b: [u8; 64],
    x: [i8; 4],
    pair: [i16; 2],
    floats: [f32; 16],
}

impl Job for Everything {
    type Output = Vec<u32>;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<u32> {
        let mut out = Vec::new();
        let (a, b) = (s.load(&self.a), s.load(&self.b));
        let mut bytes = vec![a, s.low(a), s.high(a), s.or(a, b)];
        bytes.extend([s.left(a, 4, 0x10), s.left(a, 2, 0x30), s.left(a, 0, 0xff)]);
        bytes.extend([s.right(b, 3, 0x10), s.right(b, 2, 0x30), s.right(b, 1, 0x7f)]);
        for bytes in bytes {
            let mut to = [0; 64];
            s.store(bytes, &mut to);
            out.extend(to.map(u32::from));
        }
        let x = s.quad(self.x);
        let (first, second): (&[u8; 32], _) = (self.a.first_chunk().unwrap(), self.b.first_chunk());
        let (signed, unsigned) = (s.signed_pairs(first), s.unsigned_pairs(second.unwrap()));
        let partial = s.code_dot(s.code_dot(s.no_partial(), s.low(a), x), s.high(b), x);
        let offset = self.x.iter().map(|&x| i32::from(x) * S::OFFSET).sum();
        let dot = s.less(s.signed_dot(s.all_sums(-77), a, x), s.all_sums(offset));
        let mut sums = vec![dot, s.times_32(dot), s.pair_dot(dot, signed, self.pair)];
        sums.push(s.pair_dot(dot, unsigned, self.pair));
        for factors in [s.first(signed), s.second(signed), s.first(unsigned), s.second(unsigned)] {
            sums.push(s.scaled(dot, partial, factors));
        }
        let c = s.load_floats(&self.floats);
        let mut floats: Vec<_> = sums.into_iter().map(|sums| s.floats(sums)).collect();
        let d = s.halves(first);
        floats.extend([c, s.all(self.floats[3]), s.add(c, d), s.sub(c, d), s.mul(c, d)]);
        // Whole numbers, so that nothing is rounded.
        let whole = s.floats(s.all_sums(i32::from(self.x[0])));
        floats.push(s.mul_add(whole, whole, s.all(f32::from(self.x[1]))));
        floats.extend([s.least(c, s.all(0.5)), s.most(c, s.all(0.5))]);
        for floats in floats {
            let mut to = [0.0; 16];
            s.store_floats(floats, &mut to);
            out.extend(to.map(|value| if value.is_nan() { u32::MAX } else { value.to_bits() }));
        }
        out
    }
}

fn inputs(seed: u64, extreme: bool) -> Everything {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 33) as u32
    };
    let mut byte = |ends: [u8; 3]| {
        let drawn = next();
        if extreme { ends[drawn as usize % 3] } else { drawn as u8 }
    };
    let x = std::array::from_fn(|_| (byte([127, 129, 0]) as i8).max(-127));
    let a = std::array::from_fn(|_| byte([0xff, 0x80, 0x7f]));
    let b = std::array::from_fn(|_| byte([0xff, 0x80, 0x7f]));
    let pair = std::array::from_fn(|_| i16::from(byte([127, 129, 1]) as i8) * 32);
    let floats = std::array::from_fn(|_| f32::from(byte([1, 2, 255])) / 7.0 - 12.0);
    Everything { a, b, x, pair, floats }
}

#[test]
fn every_operation_equals_its_portable_twin() {
    for seed in 0..200 {
        let expected = run(Level::Portable, inputs(seed, seed % 4 == 0));
        for level in Level::available() {
            assert_eq!(run(level, inputs(seed, seed % 4 == 0)), expected, "{level}, {seed}");
        }
    }
}

#[test]
fn groups_are_powers_of_two_and_fit() {
    for most in [1, 2, 4, 8] {
        for rows in 1..20 {
            let size = group(rows, most);
            assert!(size <= rows.min(most) && 2 * size > rows.min(most), "{rows}, {most}");
        }
    }
}
