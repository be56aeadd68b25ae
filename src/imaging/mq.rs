//! The MQ arithmetic coder (ITU-T T.88, annex E), both ways.

/// A state of the estimator: size of the less probable interval, next states after the more and the less probable
/// symbol, whether the two change places.
struct State(u32, u8, u8, bool);

/// T.88, table E.1.
const STATES: [State; 47] = [
    State(0x5601, 1, 1, true),
    State(0x3401, 2, 6, false),
    State(0x1801, 3, 9, false),
    State(0x0AC1, 4, 12, false),
    State(0x0521, 5, 29, false),
    State(0x0221, 38, 33, false),
    State(0x5601, 7, 6, true),
    State(0x5401, 8, 14, false),
    State(0x4801, 9, 14, false),
    State(0x3801, 10, 14, false),
    State(0x3001, 11, 17, false),
    State(0x2401, 12, 18, false),
    State(0x1C01, 13, 20, false),
    State(0x1601, 29, 21, false),
    State(0x5601, 15, 14, true),
    State(0x5401, 16, 14, false),
    State(0x5101, 17, 15, false),
    State(0x4801, 18, 16, false),
    State(0x3801, 19, 17, false),
    State(0x3401, 20, 18, false),
    State(0x3001, 21, 19, false),
    State(0x2801, 22, 19, false),
    State(0x2401, 23, 20, false),
    State(0x2201, 24, 21, false),
    State(0x1C01, 25, 22, false),
    State(0x1801, 26, 23, false),
    State(0x1601, 27, 24, false),
    State(0x1401, 28, 25, false),
    State(0x1201, 29, 26, false),
    State(0x1101, 30, 27, false),
    State(0x0AC1, 31, 28, false),
    State(0x09C1, 32, 29, false),
    State(0x08A1, 33, 30, false),
    State(0x0521, 34, 31, false),
    State(0x0441, 35, 32, false),
    State(0x02A1, 36, 33, false),
    State(0x0221, 37, 34, false),
    State(0x0141, 38, 35, false),
    State(0x0111, 39, 36, false),
    State(0x0085, 40, 37, false),
    State(0x0049, 41, 38, false),
    State(0x0025, 42, 39, false),
    State(0x0015, 43, 40, false),
    State(0x0009, 44, 41, false),
    State(0x0005, 45, 42, false),
    State(0x0001, 45, 43, false),
    State(0x5601, 46, 46, false),
];

/// The encoder (T.88, E.2); names are those of its flow charts.
pub(super) struct Coder {
    /// The interval, `A`.
    interval: u32,
    /// The code register, `C`.
    code: u32,
    /// Shifts until the next byte, `CT`.
    shifts: u32,
    /// What was written; its last byte, `B`, may still get a carry. The first is only there to take one.
    out: Vec<u8>,
    /// State of the estimator and more probable symbol of each context.
    contexts: Vec<(u8, bool)>,
}

impl Coder {
    /// `INITENC`.
    pub(super) fn new(contexts: usize) -> Self {
        Self { interval: 0x8000, code: 0, shifts: 12, out: vec![0], contexts: vec![(0, false); contexts] }
    }

    /// `ENCODE`: a symbol in its context.
    pub(super) fn encode(&mut self, context: usize, symbol: bool) {
        let (index, more_probable) = self.contexts[context];
        let State(size, after_more, after_less, swaps) = STATES[usize::from(index)];
        self.interval -= size;
        if symbol == more_probable {
            if self.interval & 0x8000 != 0 {
                self.code += size;
                return;
            }
            if self.interval < size {
                self.interval = size;
            } else {
                self.code += size;
            }
            self.contexts[context] = (after_more, more_probable);
        } else {
            if self.interval < size {
                self.code += size;
            } else {
                self.interval = size;
            }
            self.contexts[context] = (after_less, more_probable != swaps);
        }
        self.renormalize();
    }

    /// `RENORME`.
    fn renormalize(&mut self) {
        while self.interval & 0x8000 == 0 {
            self.interval <<= 1;
            self.code <<= 1;
            self.shifts -= 1;
            if self.shifts == 0 {
                self.byte_out();
            }
        }
    }

    /// `BYTEOUT`: after a byte of ones comes one with a stuffed bit, which stops carries.
    fn byte_out(&mut self) {
        let last = self.out.last_mut().expect("there is a first byte");
        if *last != 0xFF && self.code >= 0x800_0000 {
            *last += 1;
            self.code &= 0x7FF_FFFF;
        }
        let (bits, rest) = if *last == 0xFF { (20, 7) } else { (19, 8) };
        let byte = self.code >> bits;
        self.code &= (1 << bits) - 1;
        self.shifts = rest;
        self.out.push(u8::try_from(byte).expect("carries were taken out"));
    }

    /// `FLUSH`: all that the decoder needs, and the marker that ends the data.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let most = self.code + self.interval;
        self.code |= 0xFFFF;
        if self.code >= most {
            self.code -= 0x8000;
        }
        for _ in 0..2 {
            self.code <<= self.shifts;
            self.byte_out();
        }
        if self.out.last() != Some(&0xFF) {
            self.out.push(0xFF);
        }
        self.out.push(0xAC);
        self.out.remove(0);
        self.out
    }
}

/// The decoder (T.88, E.3). Data that breaks off goes on with ones, as the standard has it.
pub(super) struct Decoder<'a> {
    interval: u32,
    code: u32,
    shifts: u32,
    data: &'a [u8],
    contexts: Vec<(u8, bool)>,
}

impl<'a> Decoder<'a> {
    /// `INITDEC`.
    pub(super) fn new(contexts: usize, data: &'a [u8]) -> Self {
        let first = u32::from(data.first().copied().unwrap_or(0xFF));
        let contexts = vec![(0, false); contexts];
        let mut decoder = Self { interval: 0x8000, code: first << 16, shifts: 0, data, contexts };
        decoder.byte_in();
        decoder.code <<= 7;
        decoder.shifts -= 7;
        decoder
    }

    /// `BYTEIN`.
    fn byte_in(&mut self) {
        let at = |index: usize| self.data.get(index).copied().unwrap_or(0xFF);
        let (last, next) = (at(0), at(1));
        if last == 0xFF && next > 0x8F {
            self.code += 0xFF00;
            self.shifts = 8;
            return;
        }
        self.data = self.data.get(1..).unwrap_or_default();
        let stuffed = u32::from(last == 0xFF);
        self.code += u32::from(next) << (8 + stuffed);
        self.shifts = 8 - stuffed;
    }

    /// `DECODE`: the next symbol, in its context.
    pub(super) fn decode(&mut self, context: usize) -> bool {
        let (index, more_probable) = self.contexts[context];
        let State(size, after_more, after_less, swaps) = STATES[usize::from(index)];
        self.interval -= size;
        let is_lower = self.code >> 16 < size;
        if !is_lower {
            self.code -= size << 16;
            if self.interval & 0x8000 != 0 {
                return more_probable;
            }
        }
        let is_more = is_lower == (self.interval < size);
        if is_lower {
            self.interval = size;
        }
        self.contexts[context] =
            if is_more { (after_more, more_probable) } else { (after_less, more_probable != swaps) };
        while self.interval & 0x8000 == 0 {
            if self.shifts == 0 {
                self.byte_in();
            }
            self.interval <<= 1;
            self.code <<= 1;
            self.shifts -= 1;
        }
        is_more == more_probable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_standard_both_ways() {
        // T.88, H.2: the test sequence of the arithmetic coder, all in one context.
        let input = [
            0x00, 0x02, 0x00, 0x51, 0x00, 0x00, 0x00, 0xC0, 0x03, 0x52, 0x87, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x82, 0xC0,
            0x20, 0x00, 0xFC, 0xD7, 0x9E, 0xF6, 0xBF, 0x7F, 0xED, 0x90, 0x4F, 0x46, 0xA3, 0xBF_u8,
        ];
        let output = [
            0x84, 0xC7, 0x3B, 0xFC, 0xE1, 0xA1, 0x43, 0x04, 0x02, 0x20, 0x00, 0x00, 0x41, 0x0D, 0xBB, 0x86, 0xF4, 0x31,
            0x7F, 0xFF, 0x88, 0xFF, 0x37, 0x47, 0x1A, 0xDB, 0x6A, 0xDF, 0xFF, 0xAC,
        ];
        let mut coder = Coder::new(1);
        for byte in input {
            (0..8).rev().for_each(|bit| coder.encode(0, byte >> bit & 1 != 0));
        }
        assert_eq!(coder.finish(), output);
        let mut decoder = Decoder::new(1, &output);
        for byte in input {
            assert_eq!((0..8).fold(0, |bits, _| bits << 1 | u8::from(decoder.decode(0))), byte);
        }
    }

    #[test]
    fn data_that_breaks_off_is_no_panic() {
        for data in [&[][..], &[0xFF], &[0x12, 0x34]] {
            let mut decoder = Decoder::new(1, data);
            (0..10_000).for_each(|_| _ = decoder.decode(0));
        }
    }
}
