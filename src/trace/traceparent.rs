//! The `traceparent` header of W3C Trace Context, read by hand: no allocation, no panic on any bytes.

use http::{HeaderMap, HeaderName};

use super::TraceContext;

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The length of version 00: `00-<32 hex>-<16 hex>-<2 hex>`.
const LENGTH: usize = 55;
const SAMPLED: u64 = 1;

/// The context that the caller sent. Several `traceparent` headers are as good as none.
pub(super) fn from_headers(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(&TRACEPARENT).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => parse(value.as_bytes()),
        _ => None,
    }
}

pub(super) fn parse(value: &[u8]) -> Option<TraceContext> {
    let (head, rest) = value.split_first_chunk::<LENGTH>()?;
    let [v1, v0, b'-', head @ ..] = head else {
        return None;
    };
    let (trace_high, head) = head.split_first_chunk::<16>()?;
    let (trace_low, head) = head.split_first_chunk::<16>()?;
    let [b'-', head @ ..] = head else { return None };
    let (span, head) = head.split_first_chunk::<16>()?;
    let [b'-', f1, f0] = head else { return None };

    let mut digits = Digits::default();
    let ends = digits.eight([b'0', b'0', b'0', b'0', *v1, *v0, *f1, *f0]);
    let (version, flags) = (ends >> 8, ends & 0xff);
    let [trace_high, trace_low, span] = [trace_high, trace_low, span].map(|sixteen| digits.word(sixteen));
    let complete = match version {
        0xff => false,
        0 => rest.is_empty(),
        _ => matches!(rest, [] | [b'-', ..]),
    };
    let trace_id = u128::from(trace_high) << 64 | u128::from(trace_low);
    let context = TraceContext::new(trace_id, span, flags & SAMPLED != 0);
    if complete && digits.are_valid() { context } else { None }
}

/// Reads lower-case hexadecimal digits eight at a time, each in a byte of one number, whose sums never reach the next byte.
#[derive(Clone, Copy, Debug, Default)]
struct Digits {
    /// Not zero once a byte was no digit.
    faults: u64,
}

impl Digits {
    /// Sixteen of them.
    #[inline(always)]
    fn word(&mut self, digits: &[u8; 16]) -> u64 {
        let [a, b, c, d, e, f, g, h, low @ ..] = *digits;
        self.eight([a, b, c, d, e, f, g, h]) << 32 | self.eight(low)
    }

    #[inline(always)]
    fn eight(&mut self, digits: [u8; 8]) -> u64 {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let digits = u64::from_be_bytes(digits);
        // `a` to `f` have the bit 0x40, and `0` to `9` have not. What is neither does not come out as it went in.
        let values = (digits & (ONES * 0x0f)).wrapping_add((digits >> 6 & ONES).wrapping_mul(9));
        let letters = values.wrapping_add(ONES * 6) >> 4 & ONES;
        let written = values.wrapping_add(ONES * u64::from(b'0')).wrapping_add(letters.wrapping_mul(0x27));
        self.faults |= (written ^ digits) | values & (ONES * 0xf0);
        let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
        (fours | fours >> 16) & 0xffff_ffff
    }

    const fn are_valid(self) -> bool {
        self.faults == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(value: &str) -> Option<TraceContext> {
        parse(value.as_bytes())
    }

    #[test]
    fn the_specification_s_example_is_read() {
        let trace = read(VALID).unwrap();
        assert_eq!(trace.trace_id(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(trace.span_id(), 0xb7ad_6b71_6920_3331);
        assert!(trace.is_sampled());
        assert!(!read(&VALID.replace("-01", "-00")).unwrap().is_sampled());
        assert!(read(&VALID.replace("-01", "-ff")).unwrap().is_sampled());
    }

    #[test]
    fn what_the_specification_calls_invalid_is_no_trace() {
        let zeros = "0".repeat(32);
        let malformed = [
            String::new(),
            "00".into(),
            VALID.to_uppercase(),
            VALID.replacen("00", "ff", 1),
            VALID.replacen("00", "0g", 1),
            VALID.replace("0af7651916cd43dd8448eb211c80319c", &zeros),
            VALID.replace("b7ad6b7169203331", "0000000000000000"),
            VALID.replace('-', "_"),
            format!("{VALID}-extra"),
            format!("{VALID} "),
            format!(" {VALID}"),
            VALID[..54].into(),
            "\u{e9}".repeat(40),
        ];
        for value in malformed {
            assert_eq!(read(&value), None, "{value}");
        }
    }

    #[test]
    fn later_versions_may_be_longer_but_only_after_a_dash() {
        assert!(read(&VALID.replacen("00", "01", 1)).is_some());
        assert!(read(&format!("{}-what-comes", VALID.replacen("00", "cc", 1))).is_some());
        assert_eq!(read(&format!("{}what", VALID.replacen("00", "cc", 1))), None);
    }

    #[test]
    fn two_headers_are_no_trace() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", VALID.parse().unwrap());
        assert!(from_headers(&headers).is_some());
        headers.append("traceparent", VALID.parse().unwrap());
        assert_eq!(from_headers(&headers), None);
    }

    #[test]
    fn of_all_bytes_sixteen_are_digits_wherever_they_stand() {
        for place in 0..8 {
            for any in 0..=u8::MAX {
                let mut digits = *b"0a9f0000";
                digits[place] = any;
                let mut read = Digits::default();
                let number = read.eight(digits);
                let expected = match any {
                    b'0'..=b'9' | b'a'..=b'f' => {
                        Some(u64::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap())
                    }
                    _ => None,
                };
                assert_eq!(read.are_valid().then_some(number), expected, "{any} at {place}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_what_is_read_writes_the_same_ids(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_written_reads_back(trace_id: u128, span_id: u64, sampled: bool) {
            if let Some(trace) = TraceContext::new(trace_id, span_id, sampled) {
                proptest::prop_assert_eq!(read(&trace.to_string()), Some(trace));
            }
        }
    }
}
