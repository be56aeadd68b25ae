//! How far the batch is, and what was found, for people.

use rusqlite::{Row, params};

use super::{
    BoxShown, FindingShown, Journal, JournalError, Listed, Made, Sample, Tick, Totals, UNIT, Unit, Verdict, unit,
};

const TOTALS: &str = "count(*), coalesce(sum(u.state = 'done'), 0), coalesce(sum(u.state = 'failed'), 0),
    coalesce(sum(u.files), 0), coalesce(sum(u.pages), 0), coalesce(sum(u.bytes), 0),
    coalesce(sum(CASE WHEN u.state IN ('waiting', 'working') THEN u.pages ELSE 0 END), 0), coalesce(sum(u.components), 0),
    coalesce(sum(u.made), 0), coalesce(sum(u.doubted), 0), coalesce(sum(u.set_aside), 0), coalesce(sum(u.unsigned), 0)";

fn totals(row: &Row<'_>, from: usize) -> rusqlite::Result<Totals> {
    let number = |index: usize| row.get(from + index);
    let made = Made {
        components: number(7)?,
        pages: number(8)?,
        doubted: number(9)?,
        set_aside: number(10)?,
        unsigned: number(11)?,
    };
    Ok(Totals {
        dossiers: number(0)?,
        done: number(1)?,
        failed: number(2)?,
        files: number(3)?,
        pages: number(4)?,
        bytes: number(5)?,
        left: number(6)?,
        made,
    })
}

impl Journal {
    /// How far everything is.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn totals(&self) -> Result<Totals, JournalError> {
        let sql = format!("SELECT {TOTALS} FROM units u");
        Ok(self.connection().query_row(&sql, [], |row| totals(row, 0))?)
    }

    /// The boxes.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn boxes(&self) -> Result<Vec<BoxShown>, JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(&format!(
            "SELECT u.box, v.accepted, v.reason, v.who, v.time,
             (SELECT count(*) FROM samples s JOIN units w ON w.id = s.unit WHERE w.box = u.box),
             coalesce(max(u.ended) > v.time, 0), {TOTALS}
             FROM units u LEFT JOIN verdicts v ON v.box = u.box GROUP BY u.box ORDER BY min(u.id)"
        ))?;
        let rows = select.query_map([], |row| {
            let accepted: Option<bool> = row.get(1)?;
            let verdict = match accepted {
                None => None,
                Some(accepted) => Some(Verdict { accepted, reason: row.get(2)?, who: row.get(3)?, time: row.get(4)? }),
            };
            let (samples, is_outdated) = (row.get(5)?, row.get(6)?);
            Ok(BoxShown { name: row.get(0)?, verdict, samples, is_outdated, totals: totals(row, 7)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes down what a person says of a box; `false` where there is none of this name.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn judge(&self, name: &str, verdict: &Verdict) -> Result<bool, JournalError> {
        let Verdict { accepted, reason, who, time } = verdict;
        let judged = self.connection().execute(
            "INSERT INTO verdicts SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM units WHERE box = ?1)
             ON CONFLICT (box) DO UPDATE SET accepted = ?2, reason = ?3, who = ?4, time = ?5",
            params![name, accepted, reason, who, time],
        )?;
        Ok(judged > 0)
    }

    /// Goes through the dossiers in order, each with what the index says of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn each_unit(&self, mut each: impl FnMut(Unit, Listed)) -> Result<(), JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(&format!(
            "SELECT {UNIT}, (SELECT max(title) FROM listed l WHERE l.code = u.code) AS title,
             (SELECT max(year) FROM listed l WHERE l.code = u.code) AS year FROM units u ORDER BY id"
        ))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            each(unit(row)?, Listed { title: row.get("title")?, year: row.get("year")? });
        }
        Ok(())
    }

    /// Goes through all findings, first those of the batch as a whole.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn each_finding(&self, mut each: impl FnMut(FindingShown)) -> Result<(), JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(
            "SELECT u.box, u.name, f.component, f.page, f.kind, f.detail, f.detail_en, f.picture
             FROM findings f LEFT JOIN units u ON u.id = f.unit ORDER BY coalesce(f.unit, 0), f.id",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            each(FindingShown {
                unit: row.get::<_, Option<String>>(0)?.zip(row.get(1)?),
                place: (row.get(2)?, row.get(3)?),
                kind: row.get(4)?,
                detail: (row.get(5)?, row.get(6)?),
                picture: row.get(7)?,
            });
        }
        Ok(())
    }

    /// Goes through the pages that a person is to look at: box, dossier, page.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn each_sample(&self, mut each: impl FnMut(String, String, Sample)) -> Result<(), JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(
            "SELECT u.box, u.name, s.component, s.page, s.picture FROM samples s JOIN units u ON u.id = s.unit
             ORDER BY u.id, s.component, s.page",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let sample = Sample { component: row.get(2)?, page: row.get(3)?, picture: row.get(4)? };
            each(row.get(0)?, row.get(1)?, sample);
        }
        Ok(())
    }

    /// Writes down how far it is.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_tick(&self, tick: Tick) -> Result<(), JournalError> {
        let sql = "INSERT OR REPLACE INTO ticks VALUES (?1, ?2, ?3)";
        self.connection().execute(sql, params![tick.time, tick.pages, tick.left_ms])?;
        Ok(())
    }

    /// How far it was, time by time.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn ticks(&self) -> Result<Vec<Tick>, JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare("SELECT time, pages, left_ms FROM ticks ORDER BY time")?;
        let tick = |row: &Row<'_>| Ok(Tick { time: row.get(0)?, pages: row.get(1)?, left_ms: row.get(2)? });
        let rows = select.query_map([], tick)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
