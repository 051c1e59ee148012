use super::*;

#[test]
fn reads_accelerator_time() {
    for (text, ms) in [
        ("20 s", 20_000),
        ("6h", 21_600_000),
        ("1.5 min", 90_000),
        ("250ms", 250),
        ("2 d", 172_800_000),
        ("1e3 s", 1_000_000),
        ("0.5 kh", 1_800_000_000),
    ] {
        assert_eq!(text.parse::<AcceleratorTime>().unwrap().ms(), ms, "{text}");
    }
}

#[test]
fn refuses_what_is_not_a_time() {
    for (text, needle) in [
        ("20", "has no unit"),
        ("h", "does not start with a number"),
        ("20 parsecs", "is not a unit"),
        ("-6h", "is negative"),
        ("1e30 h", "out of range"),
    ] {
        let message = text.parse::<AcceleratorTime>().unwrap_err().to_string();
        assert!(message.contains(needle), "{text}: {message}");
    }
}

#[test]
fn prints_as_people_read() {
    for (hours, text) in [
        (0.8 / 3600.0, "800 ms"),
        (20.0 / 3600.0, "20 s"),
        (0.25, "15 min"),
        (6.0, "6 h"),
        (50_400.0, "50.4 kh"),
        (1.2e6, "1.2 Mh"),
    ] {
        assert_eq!(human_hours(hours), text);
    }
    assert_eq!(human_count(110_615_040.0), "111M");
    assert_eq!(human_count(512.0), "512");
}

#[test]
fn counts_carry_their_noun() {
    assert_eq!("2.5B tokens".parse(), Ok(Tokens(2_500_000_000)));
    assert_eq!("1 sequence".parse(), Ok(Sequences(1)));
    assert_eq!("12k tokens/s".parse(), Ok(TokensPerSecond(12_000.0)));
    assert_eq!("90 %".parse(), Ok(Share(0.9)));
    assert!("128".parse::<Tokens>().is_err());
    assert!("1.5 tokens".parse::<Tokens>().is_err());
}

proptest::proptest! {
    #[test]
    fn written_time_reads_back_exactly(ms in 0u64..9_007_199_254_740_992) {
        let time = AcceleratorTime::from_ms(ms);
        let json = serde_json::to_string(&time).unwrap();
        proptest::prop_assert_eq!(serde_json::from_str::<AcceleratorTime>(&json).unwrap(), time);
    }
}

#[test]
fn times_by_the_clock_are_read_and_say_what_they_expect() {
    assert_eq!("1.5 min".parse(), Ok(WallTime::from_ms(90_000)));
    assert_eq!(WallTime::from_ms(5000).to_string(), "5 s");
    let said = "10".parse::<WallTime>().unwrap_err().to_string();
    assert_eq!(said, "`10` has no unit; expected a time such as `30 s`, `10 min` or `1h`");
}
