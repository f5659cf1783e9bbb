//! Passwords that are tokens and say when they expire.

use crate::tls::moment;

/// A password that is a token with an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordToken {
    /// `an AWS IAM token` or `an access token`.
    pub kind: &'static str,
    /// The end, in seconds since 1970.
    pub expires: i64,
}

impl PasswordToken {
    /// Returns `true` if it had expired at a moment.
    pub fn expired(&self, now: i64) -> bool {
        self.expires <= now
    }

    /// The end in words.
    pub fn end(&self) -> String {
        moment(self.expires)
    }

    /// Reads the end of a token; `None` for an ordinary password.
    ///
    /// Tokens of RDS are query strings with `X-Amz-Date` and `X-Amz-Expires`; those of Azure and Cloud SQL are JSON Web Tokens.
    pub fn read(password: &str) -> Option<Self> {
        Self::aws(password).or_else(|| Self::jwt(password))
    }

    fn aws(password: &str) -> Option<Self> {
        let parameter = |name: &str| {
            password
                .split(['?', '&'])
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let date = parameter("X-Amz-Date")?;
        let seconds: i64 = parameter("X-Amz-Expires")?.parse().ok()?;
        Some(Self {
            kind: "an AWS IAM token",
            expires: basic_date(date)?.checked_add(seconds)?,
        })
    }

    fn jwt(password: &str) -> Option<Self> {
        let mut parts = password.split('.');
        let (Some(head), Some(body), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        // Every JSON object begins with `{"`, which is `eyJ` in base64.
        let body = base64url(body).filter(|_| head.starts_with("eyJ"))?;
        let claims: serde_json::Value = serde_json::from_slice(&body).ok()?;
        Some(Self {
            kind: "an access token",
            expires: claims.get("exp")?.as_i64()?,
        })
    }
}

/// `20260101T000000Z`, in seconds since 1970.
fn basic_date(date: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| date.get(range)?.parse::<i64>().ok();
    if date.len() != 16 || !date.ends_with('Z') || date.get(8..9) != Some("T") {
        return None;
    }
    let year = digits(0..4)?;
    let month = digits(4..6)?;
    let day = digits(6..8)?;
    let hour = digits(9..11)?;
    let minute = digits(11..13)?;
    let second = digits(13..15)?;
    // Days from the civil date: years begin in March, so that the leap day is the last.
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Base64 of the alphabet for URLs, without padding.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut bits = 0_u32;
    let mut count = 0;
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_say_when_they_expire() {
        let aws = "db.eu-west-1.rds.amazonaws.com:5432/?Action=connect&DBUser=app&X-Amz-Date=20260101T000000Z&\
                   X-Amz-Expires=900&X-Amz-Signature=x";
        let token = PasswordToken::read(aws).unwrap();
        assert_eq!(token.expires, 1_767_226_500);
        assert!(token.expired(1_767_226_500) && !token.expired(1_767_226_499));
        // {"alg":"none"}, {"exp":1767226500}
        let jwt = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3NjcyMjY1MDB9.x";
        assert_eq!(PasswordToken::read(jwt).unwrap().expires, 1_767_226_500);
        for password in [
            "hunter2",
            "a.b.c",
            "",
            "X-Amz-Date=x&X-Amz-Expires=y",
            "eyJ.!.x",
        ] {
            assert_eq!(PasswordToken::read(password), None, "{password}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (date, seconds) in [
            ("19700101T000000Z", 0),
            ("20000229T235959Z", 951_868_799),
            ("20241231T120000Z", 1_735_646_400),
        ] {
            assert_eq!(basic_date(date), Some(seconds), "{date}");
        }
        assert_eq!(basic_date("2026-01-01"), None);
    }
}
