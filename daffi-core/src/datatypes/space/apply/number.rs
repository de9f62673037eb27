//! Arithmetic: of integers checked, of floats as IEEE has it.

use crate::datatypes::space::value::{Value, normal};
use crate::datatypes::space::write::Action;
use crate::error::SpaceError;

/// What an action makes of an integer and another.
pub(super) fn int(name: &str, action: &Action, one: i64, other: i64) -> Result<i64, SpaceError> {
    let made = match action {
        Action::Add(_) => one.checked_add(other),
        Action::Sub(_) => one.checked_sub(other),
        Action::Mul(_) => one.checked_mul(other),
        Action::Div(_) | Action::Mod(_) if other == 0 => {
            return Err(SpaceError::DivisionByZero { attribute: name.to_owned() });
        }
        Action::Div(_) => floored(one, other).map(|(quotient, _)| quotient),
        Action::Mod(_) => floored(one, other).map(|(_, rest)| rest),
        Action::And(_) => Some(one & other),
        Action::Or(_) => Some(one | other),
        Action::Xor(_) => Some(one ^ other),
        Action::Min(_) => Some(one.min(other)),
        Action::Max(_) => Some(one.max(other)),
        other => unreachable!("`{}` reckons with no integers, which was looked at", other.name()),
    };
    let overflow = || SpaceError::Overflow {
        attribute: name.to_owned(),
        what: format!("{} of {one} and {other}", action.name()),
    };
    made.ok_or_else(overflow)
}

/// The quotient towards −∞, and the rest, which has the sign of the divisor.
fn floored(one: i64, other: i64) -> Option<(i64, i64)> {
    let (quotient, rest) = (one.checked_div(other)?, one.checked_rem(other)?);
    let is_between = rest != 0 && (rest < 0) != (other < 0);
    Some(if is_between { (quotient - 1, rest + other) } else { (quotient, rest) })
}

/// What an action makes of a float and another; `None` if it is for integers only.
pub(super) fn float(action: &Action, one: f64, other: f64) -> Option<f64> {
    Some(normal(match action {
        Action::Add(_) => one + other,
        Action::Sub(_) => one - other,
        Action::Mul(_) => one * other,
        Action::Div(_) => one / other,
        // With NaN neither is less, and the first stays.
        Action::Min(_) if other < one => other,
        Action::Max(_) if other > one => other,
        Action::Min(_) | Action::Max(_) => one,
        _ => return None,
    }))
}

/// The number that an action reckons with, if it reckons.
pub(super) fn operand(action: &Action) -> Option<&Value> {
    match action {
        Action::Add(value)
        | Action::Sub(value)
        | Action::Mul(value)
        | Action::Div(value)
        | Action::Mod(value)
        | Action::And(value)
        | Action::Or(value)
        | Action::Xor(value)
        | Action::Min(value)
        | Action::Max(value) => Some(value),
        _ => None,
    }
}
