//! Complex numbers, as much of them as transforms need.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `re + i im`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Complex {
    /// The real part.
    pub(crate) re: f64,
    /// The imaginary part.
    pub(crate) im: f64,
}

impl Complex {
    pub(crate) const ZERO: Self = Self { re: 0.0, im: 0.0 };
    pub(crate) const ONE: Self = Self { re: 1.0, im: 0.0 };

    pub(crate) fn new(re: f64, im: f64) -> Self {
        Self { re, im }
    }

    pub(crate) fn real(re: f64) -> Self {
        Self { re, im: 0.0 }
    }

    /// The point at distance `radius` and angle `angle` (radians).
    pub(crate) fn polar(radius: f64, angle: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self { re: radius * cos, im: radius * sin }
    }

    pub(crate) fn norm_squared(self) -> f64 {
        self.re * self.re + self.im * self.im
    }

    pub(crate) fn norm(self) -> f64 {
        self.re.hypot(self.im)
    }

    pub(crate) fn conj(self) -> Self {
        Self { re: self.re, im: -self.im }
    }

    pub(crate) fn scale(self, factor: f64) -> Self {
        Self { re: self.re * factor, im: self.im * factor }
    }

    pub(crate) fn exp(self) -> Self {
        Self::polar(self.re.exp(), self.im)
    }

    /// `e^z − 1` without cancellation near zero.
    pub(crate) fn exp_m1(self) -> Self {
        let half_sine = (0.5 * self.im).sin();
        let cos_m1 = -2.0 * half_sine * half_sine;
        let growth = self.re.exp_m1();
        Self { re: growth + cos_m1 + growth * cos_m1, im: self.re.exp() * self.im.sin() }
    }

    /// The principal logarithm.
    pub(crate) fn ln(self) -> Self {
        Self { re: self.norm().ln(), im: self.im.atan2(self.re) }
    }

    /// `ln(1 + z)`, principal branch, without cancellation near zero.
    pub(crate) fn ln_1p(self) -> Self {
        Self {
            re: 0.5 * (2.0 * self.re + self.norm_squared()).ln_1p(),
            im: self.im.atan2(1.0 + self.re),
        }
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Sub for Complex {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }
}

impl Div for Complex {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        (self * other.conj()).scale(1.0 / other.norm_squared())
    }
}

impl Neg for Complex {
    type Output = Self;
    fn neg(self) -> Self {
        Self { re: -self.re, im: -self.im }
    }
}
