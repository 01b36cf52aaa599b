//! `range = low..=high`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprRange, ExprUnary, Lit, RangeLimits, UnOp};

/// The least and the greatest value of a field: expressions that are constant `f32`s.
pub struct ValueRange {
    low: Expr,
    high: Expr,
}

impl ValueRange {
    /// Reads the value of `range = …`. Returns an error if an end is missing, or if both are literals and out of order.
    pub fn new(expression: &Expr) -> syn::Result<Self> {
        let Expr::Range(ExprRange { start: Some(low), limits: RangeLimits::Closed(_), end: Some(high), .. }) =
            expression
        else {
            return Err(syn::Error::new_spanned(expression, "a range has both ends, as in `range = -1.0..=1.0`"));
        };
        if literal(low).zip(literal(high)).is_some_and(|(low, high)| low >= high) {
            return Err(syn::Error::new_spanned(expression, EMPTY));
        }
        Ok(Self { low: (**low).clone(), high: (**high).clone() })
    }

    /// Returns the range of an action that states none.
    pub fn unit() -> Self {
        Self { low: syn::parse_quote!(-1.0f32), high: syn::parse_quote!(1.0f32) }
    }

    /// Returns a statement that stops the build if the ends, once they are known, are out of order or infinite.
    pub fn check(&self) -> TokenStream {
        let Self { low, high } = self;
        quote_spanned!(low.span()=> {
            let (low, high): (f32, f32) = (#low, #high);
            ::core::assert!(low < high, #EMPTY);
            ::core::assert!(low.is_finite() && high.is_finite(), #ENDLESS);
        })
    }

    pub fn low(&self) -> &Expr {
        &self.low
    }

    pub fn high(&self) -> &Expr {
        &self.high
    }
}

/// Expands to the pair `(low, high)`.
impl ToTokens for ValueRange {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { low, high } = self;
        tokens.extend(quote!((#low, #high)));
    }
}

const EMPTY: &str = "the range is empty: its low end must be below its high end, as in `range = -1.0..=1.0`";

const ENDLESS: &str = "the range has no end: leave `range` out where there is no limit";

/// Returns the value of a literal number, with or without a minus before it.
fn literal(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => literal(expr).map(|value| -value),
        _ => None,
    }
}
