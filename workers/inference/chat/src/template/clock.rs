use minijinja::Error;

use super::python::error;

/// The local time for `strftime_now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    year: i64,
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    weekday: usize,
    day_of_year: i64,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Now {
    /// Converts seconds since 1970 in UTC and the zone's offset in seconds, by the proleptic
    /// Gregorian calendar.
    pub fn from_unix(seconds: i64, offset: i32) -> Self {
        // Howard Hinnant, "chrono-compatible low-level date algorithms": civil_from_days.
        let local = seconds.saturating_add(offset.into());
        let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_from_march + 2) / 153;
        let month = (month_from_march + 2) % 12;
        let year = year_of_era + era * 400 + i64::from(month < 2);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let day_of_year =
            if month < 2 { day_from_march - 305 } else { day_from_march + 60 + i64::from(leap) };
        Self {
            year,
            month: month as usize,
            day: day_from_march - (153 * month_from_march + 2) / 5 + 1,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
            weekday: (days + 4).rem_euclid(7) as usize,
            day_of_year,
        }
    }

    /// `datetime.strftime` in the C locale, for a time without a zone.
    pub(super) fn format(&self, pattern: &str) -> Result<String, Error> {
        let mut out = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut directive = chars.next();
            let padded = directive != Some('-');
            if !padded {
                directive = chars.next();
            }
            let directive = directive.ok_or_else(|| error("strftime_now: the format ends in %"))?;
            self.directive(directive, padded, &mut out)?;
        }
        Ok(out)
    }

    fn directive(&self, directive: char, padded: bool, out: &mut String) -> Result<(), Error> {
        let number = |value: i64, width: usize| match padded {
            true => format!("{value:0width$}"),
            false => value.to_string(),
        };
        let half = match self.hour % 12 {
            0 => 12,
            hour => hour,
        };
        let text = match directive {
            'Y' => self.year.to_string(),
            'y' => number(self.year.rem_euclid(100), 2),
            'C' => number(self.year.div_euclid(100), 2),
            'm' => number(self.month as i64 + 1, 2),
            'd' => number(self.day, 2),
            'e' if padded => format!("{:2}", self.day),
            'e' => self.day.to_string(),
            'H' => number(self.hour, 2),
            'I' => number(half, 2),
            'M' => number(self.minute, 2),
            'S' => number(self.second, 2),
            'f' => "000000".to_owned(),
            'j' => number(self.day_of_year, 3),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'B' => MONTHS[self.month].to_owned(),
            'b' | 'h' => MONTHS[self.month][..3].to_owned(),
            'A' => WEEKDAYS[self.weekday].to_owned(),
            'a' => WEEKDAYS[self.weekday][..3].to_owned(),
            'u' => if self.weekday == 0 { 7 } else { self.weekday }.to_string(),
            'w' => self.weekday.to_string(),
            'F' => self.format("%Y-%m-%d")?,
            'T' | 'X' => self.format("%H:%M:%S")?,
            'R' => self.format("%H:%M")?,
            'D' | 'x' => self.format("%m/%d/%y")?,
            'c' => self.format("%a %b %e %H:%M:%S %Y")?,
            'r' => self.format("%I:%M:%S %p")?,
            'z' | 'Z' => String::new(),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            other => return Err(error(format!("strftime_now: %{other} is not supported"))),
        };
        out.push_str(&text);
        Ok(())
    }
}
