//! Numbers in text: what may stand around and inside one without changing it.
//!
//! The rule is that every part of the text must be understood. A unit, a currency sign, a lead-in (`The answer is`) or an
//! explanation set apart behind the number may be dropped; a second number, a fraction, a range, a multiplier or a word
//! that negates or compares makes the text unreadable as a number.

use super::words::{self, HEDGES, NEGATIONS};
use crate::parse::repair::{self, Repair};

/// Longest text in which a number is looked for.
const MAX_TEXT: usize = 2000;
/// Words that change the number they stand by.
const CHANGES: &[&str] = &[
    "minus",
    "negative",
    "plus",
    "least",
    "most",
    "more",
    "less",
    "fewer",
    "over",
    "under",
    "above",
    "below",
    "between",
    "from",
    "to",
    "out",
    "of",
    "or",
    "and",
    "half",
    "quarter",
    "quarters",
    "third",
    "thirds",
    "dozen",
    "hundred",
    "thousand",
    "million",
    "millions",
    "billion",
    "trillion",
    "k",
    "m",
    "b",
    "bn",
    "mn",
    "mio",
    "mil",
    "lakh",
    "crore",
    "x",
    "times",
    "divided",
    "squared",
    "up",
    "point",
    "percent",
    "percentage",
    "but",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "st",
    "nd",
    "rd",
    "th",
    "mod",
    "root",
    "per",
    "versus",
    "vs",
];
const APPROXIMATE: &[&str] = &[
    "about",
    "around",
    "approximately",
    "roughly",
    "circa",
    "ca",
    "approx",
    "nearly",
    "almost",
];
const CURRENCY: &[char] = &['$', '\u{20ac}', '\u{a3}', '\u{a5}', '\u{20b9}'];

/// A number in JSON's syntax, taken from text.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) digits: String,
    pub(super) per_cent: bool,
}

type Refused = (usize, Option<String>);

/// The number a text says, with what had to be dropped or changed; else the byte of the fault and the reason.
pub(super) fn read(text: &str) -> Result<(Written, Vec<Repair>), Refused> {
    if text.len() > MAX_TEXT || text.contains("```") {
        return Err((0, None));
    }
    let bare = words::strip_markup(text);
    let mut repairs = Vec::new();
    if bare.len() != text.trim().len() {
        repairs.push(repair::MARKUP);
    }
    let base = text.find(bare).unwrap_or(0);
    let shifted = |(offset, reason): Refused| (base + offset, reason);
    let start = bare.find(|c: char| c.is_ascii_digit()).ok_or((0, None))?;
    let start = sign_start(bare, start);
    let (token, end) = token(bare, start).map_err(shifted)?;
    repairs.extend(token.repairs);
    before(bare, start, &mut repairs).map_err(shifted)?;
    let per_cent = behind(bare, end, &mut repairs).map_err(shifted)?;
    Ok((
        Written {
            digits: token.digits,
            per_cent,
        },
        repairs,
    ))
}

/// Where the sign, point or currency in front of the first digit starts.
fn sign_start(text: &str, digit: usize) -> usize {
    let mut start = digit;
    for _ in 0..3 {
        let Some(c) = text.get(..start).and_then(|before| before.chars().next_back()) else {
            break;
        };
        let at_edge = text
            .get(..start - c.len_utf8())
            .and_then(|before| before.chars().next_back())
            .is_none_or(|p| !p.is_alphanumeric());
        let belongs = match c {
            '.' => true,
            '-' | '+' | '\u{2212}' => at_edge,
            c => CURRENCY.contains(&c),
        };
        if !belongs {
            break;
        }
        start -= c.len_utf8();
    }
    start
}

struct Token {
    digits: String,
    repairs: Vec<Repair>,
}

fn token(text: &str, start: usize) -> Result<(Token, usize), Refused> {
    let mut repairs = Vec::new();
    let mut digits = String::new();
    let mut at = start;
    let peek = |at: usize| text.get(at..).and_then(|rest| rest.chars().next());
    while let Some(c) = peek(at) {
        match c {
            '-' | '\u{2212}' if digits.is_empty() => {
                if c != '-' {
                    repairs.push(repair::NUMBER_FORM);
                }
                digits.push('-');
            }
            '+' if digits.is_empty() => repairs.push(repair::NUMBER_FORM),
            c if CURRENCY.contains(&c) => repairs.push(repair::UNIT),
            _ => break,
        }
        at += c.len_utf8();
    }
    let body_end = text
        .get(at..)
        .and_then(|rest| rest.find(|c: char| !(c.is_ascii_digit() || is_inside(c))))
        .map_or(text.len(), |length| at + length);
    let mut body = text.get(at..body_end).unwrap_or_default();
    // Marks at the end belong to the sentence.
    body = body.trim_end_matches(|c: char| is_inside(c));
    let mut end = at + body.len();
    let (number, separated) = grouped(body).map_err(|reason| (start, Some(reason)))?;
    if separated {
        repairs.push(repair::SEPARATORS);
    }
    if number.starts_with('.') {
        digits.push('0');
        repairs.push(repair::NUMBER_FORM);
    }
    let number = match number.find(|c| c != '0') {
        // Leading zeros: `007` may be a name rather than a number, but its value is clear.
        Some(zeros) if zeros > 0 && number.as_bytes().get(zeros).is_some_and(u8::is_ascii_digit) => {
            repairs.push(repair::NUMBER_FORM);
            number.get(zeros..).unwrap_or_default().to_owned()
        }
        None => "0".to_owned(),
        _ => number,
    };
    let number = match number.find('.') {
        Some(point) if point > 1 && number.get(..point).is_some_and(|z| z.bytes().all(|b| b == b'0')) => {
            repairs.push(repair::NUMBER_FORM);
            number.get(point - 1..).unwrap_or_default().to_owned()
        }
        _ => number,
    };
    digits.push_str(&number);
    if let Some(length) = exponent(text.get(end..).unwrap_or_default()) {
        digits.push_str(text.get(end..end + length).unwrap_or_default());
        end += length;
    }
    Ok((Token { digits, repairs }, end))
}

/// Characters that stand between digits of one number.
fn is_inside(c: char) -> bool {
    matches!(c, '.' | ',' | '_' | '\'' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

fn exponent(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    if !matches!(bytes.first(), Some(b'e' | b'E')) {
        return None;
    }
    let sign = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    let digits = bytes
        .iter()
        .skip(1 + sign)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let length = 1 + sign + digits;
    let ends = bytes.get(length).is_none_or(|b| !b.is_ascii_alphanumeric());
    (digits > 0 && ends).then_some(length)
}

/// Takes separators of thousands out. What could be read in two ways is refused.
fn grouped(body: &str) -> Result<(String, bool), String> {
    let marks: Vec<char> = body.chars().filter(|c| is_inside(*c)).collect();
    let refused = || format!("`{body}` can be read in more than one way");
    let Some(first) = marks.first().copied() else {
        return Ok((body.to_owned(), false));
    };
    if marks.as_slice() == ['.'] {
        return Ok((body.to_owned(), false));
    }
    let (separator, integer, fraction) = if first == '.' {
        // `1.234,5` and `1.234.567`: a point or a separator?
        return Err(refused());
    } else {
        match body.split_once('.') {
            Some((integer, fraction)) => (first, integer, Some(fraction)),
            None => (first, body, None),
        }
    };
    let fraction_plain = fraction.is_none_or(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()));
    let groups: Vec<&str> = integer.split(separator).collect();
    let head = groups.first().copied().unwrap_or_default();
    let all_digits = groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_digit()));
    let regular = (1..=3).contains(&head.len()) && groups.iter().skip(1).all(|g| g.len() == 3);
    // `0,123` is a decimal comma, not a thousand.
    let plausible = !head.starts_with('0');
    // Underscores set digits apart anywhere, as in program text.
    let any_place = separator == '_' && groups.iter().all(|g| !g.is_empty());
    if !fraction_plain || !all_digits || !((regular && plausible) || any_place) {
        return Err(refused());
    }
    let mut number: String = groups.concat();
    if let Some(fraction) = fraction {
        number.push('.');
        number.push_str(fraction);
    }
    Ok((number, true))
}

/// What stands in front of the number must lead in to it.
fn before(text: &str, start: usize, repairs: &mut Vec<Repair>) -> Result<(), Refused> {
    let lead = text.get(..start).unwrap_or_default();
    let approximate = |w: &str| APPROXIMATE.contains(&w);
    let marks = lead.trim_end();
    if marks.ends_with(['~', '\u{2248}']) {
        repairs.push(repair::APPROXIMATE);
    }
    let hidden = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '~' | '\u{2248}' | '*' | '`' | '"' | '(' | '[' | '\'' | '=' | ':'
            )
    };
    let words = words::words(lead, 40);
    if words.is_empty() {
        let plain = lead
            .chars()
            .all(|c| hidden(c) || matches!(c, '#' | '-' | '>' | '\u{2192}'));
        let compares = lead.contains(['<', '>']) && !lead.trim().is_empty();
        return if plain && !compares && !lead.trim_end().ends_with('-') {
            Ok(())
        } else {
            Err((
                0,
                Some(format!("`{}` in front of the number changes it", lead.trim())),
            ))
        };
    }
    for word in &words {
        let text = word.text.as_str();
        if (CHANGES.contains(&text) && text != "of" && text != "to" && text != "and")
            || NEGATIONS.contains(&text)
            || HEDGES.contains(&text)
        {
            return Err((
                word.start,
                Some(format!("`{text}` in front of the number may change it")),
            ));
        }
        if approximate(text) {
            repairs.push(repair::APPROXIMATE);
        }
    }
    // Currency codes and approximations lead in too: strip them and see what is left.
    let kept: Vec<&words::Word> = words
        .iter()
        .filter(|w| !approximate(&w.text) && !is_currency_code(lead.get(w.start..w.end).unwrap_or_default()))
        .collect();
    if kept.len() < words.len() && kept.is_empty() {
        if !words.iter().any(|w| approximate(&w.text)) {
            repairs.push(repair::UNIT);
        }
        return Ok(());
    }
    let sample = format!(
        "{} 0",
        lead.trim_end()
            .trim_end_matches(['~', '\u{2248}', '(', '['])
            .trim_end()
    );
    let last_kept = kept.last().map_or(0, |w| w.end);
    let shortened = format!("{} 0", lead.get(..last_kept).unwrap_or_default());
    let leads = |text: &str| {
        let (found, rest) = words::after_lead_in(text);
        found && words::words(rest, 3).first().is_some_and(|w| w.text == "0")
    };
    if leads(&sample) || leads(&shortened) {
        repairs.push(repair::LEAD_IN);
        return Ok(());
    }
    Err((
        0,
        Some("the text in front of the number is not understood".to_owned()),
    ))
}

fn is_currency_code(word: &str) -> bool {
    matches!(
        word,
        "USD" | "EUR" | "GBP" | "JPY" | "CHF" | "INR" | "CNY" | "CAD" | "AUD" | "US" | "Rs"
    )
}

/// What stands behind the number: nothing, a unit, or an explanation. Whether it is a per cent sign.
fn behind(text: &str, end: usize, repairs: &mut Vec<Repair>) -> Result<bool, Refused> {
    let mut rest = text.get(end..).unwrap_or_default();
    let refuse = |what: &str| Err((end, Some(what.to_owned())));
    let mut per_cent = false;
    let trimmed = rest.trim_start();
    for sign in ["%", "\\%", "percent", "per cent"] {
        if let Some(after) = trimmed.strip_prefix(sign) {
            per_cent = true;
            rest = after;
            break;
        }
    }
    if words::is_punctuation(rest) {
        let changes = rest.contains(['/', '+', '>', '<', '\u{2154}', '\u{bd}', '\u{b2}', '\u{b3}', '^']);
        let symbol = rest.chars().any(|c| CURRENCY.contains(&c) || c == '\u{b0}');
        if changes {
            return refuse("what stands behind the number changes it");
        }
        if symbol {
            repairs.push(repair::UNIT);
        } else if !rest.is_empty() {
            repairs.push(repair::PUNCTUATION);
        }
        return Ok(per_cent);
    }
    if rest
        .chars()
        .next()
        .is_some_and(|c| c.is_alphanumeric() && !c.is_ascii())
        && !rest.starts_with('\u{b5}')
    {
        return refuse("what stands behind the number is not understood");
    }
    if words::starts_explanation(rest) {
        explanation(rest, end)?;
        repairs.push(repair::EXPLANATION);
        return Ok(per_cent);
    }
    unit(rest, end, repairs)?;
    Ok(per_cent)
}

/// An explanation may hold other numbers, but nothing that takes the first one back.
fn explanation(rest: &str, end: usize) -> Result<(), Refused> {
    let first = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    let starts_with_number = first.starts_with(|c: char| c.is_ascii_digit());
    let words = words::words(rest, 300);
    let taken_back = words.iter().any(|w| HEDGES.contains(&w.text.as_str()));
    let scale = words
        .iter()
        .take(3)
        .any(|w| matches!(w.text.as_str(), "of" | "out" | "to"));
    let answered_again = rest.lines().skip(1).any(|line| {
        words::after_label(line.trim()).is_some_and(|behind| behind.starts_with(|c: char| c.is_ascii_digit()))
    });
    if starts_with_number || scale || answered_again {
        return Err((end, Some("there is more than one number".to_owned())));
    }
    if taken_back {
        return Err((end, Some("what follows the number takes it back".to_owned())));
    }
    Ok(())
}

/// A unit: at most three words that don't change the number, then nothing or an explanation.
fn unit(rest: &str, end: usize, repairs: &mut Vec<Repair>) -> Result<(), Refused> {
    let words = words::words(rest, 40);
    let mut at = 0;
    for (index, word) in words.iter().enumerate() {
        let between = rest.get(at..word.start).unwrap_or_default();
        if index > 0 && words::starts_explanation(rest.get(at..).unwrap_or_default()) {
            explanation(rest.get(at..).unwrap_or_default(), end)?;
            repairs.push(repair::EXPLANATION);
            break;
        }
        let plain = between
            .chars()
            .all(|c| c.is_whitespace() || c == '\u{b0}' || (index == 0 && c == '-'));
        let text = word.text.as_str();
        let known = !CHANGES.contains(&text) && !NEGATIONS.contains(&text) && !HEDGES.contains(&text);
        let letters = text.chars().all(|c| c.is_alphabetic() || c == '\'');
        let glued_dash = index == 0 && between == "-" && text.len() < 2;
        if !plain || !known || !letters || index >= 3 || glued_dash {
            return Err((
                end,
                Some(format!("`{}` behind the number may change it", rest.trim())),
            ));
        }
        at = word.end;
    }
    let tail = rest.get(at..).unwrap_or_default();
    if at > 0 && words.last().is_some_and(|w| w.end == at) && tail.contains(['/', '^', '\u{b2}', '\u{b3}']) {
        return Err((
            end,
            Some(format!("`{}` behind the number is not understood", rest.trim())),
        ));
    }
    repairs.push(repair::UNIT);
    Ok(())
}
