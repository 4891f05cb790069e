//! Powers of e, several at a time: the library's take one after another, which was an eighth of what training on many labels takes.

/// e to the power of a number that is not above 0, without branches, so that the compiler takes several at once: `2^n` from the bits
/// of the exponent, and the rest by the series to the twelfth power, whose next term is 2e-16 of it. Below -708 it is that of -708,
/// which is 3e-308.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.max(-708.0);
    // Added, it pushes the fraction out of the number, and leaves the whole part in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // The logarithm of 2 in two parts, the first of which has few enough digits for an exact product.
    let r = (x - n * 0.693_147_180_369_123_8) - n * 1.908_214_929_270_587_7e-10;
    let mut p = 1.0 / 479_001_600.0;
    for factorial in
        [39_916_800.0, 3_628_800.0, 362_880.0, 40_320.0, 5_040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0]
    {
        p = p * r + 1.0 / factorial;
    }
    p * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn powers_are_the_librarys() {
        for step in 0..200_000_u32 {
            let x = -f64::from(step) * 0.003_5;
            let (own, exact) = (exp(x), x.exp());
            assert!((own - exact).abs() <= 5e-16 * exact, "{x}: {own} {exact}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e9) < 1e-300 && exp(f64::NEG_INFINITY) < 1e-300);
    }
}
