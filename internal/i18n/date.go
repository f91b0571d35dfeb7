package i18n

import (
	"fmt"
	"strconv"
	"time"
)

var weekdays = map[string][7]string{
	French:  {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
	English: {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
}

var months = map[string][12]string{
	French: {"janvier", "février", "mars", "avril", "mai", "juin", "juillet",
		"août", "septembre", "octobre", "novembre", "décembre"},
	English: {"January", "February", "March", "April", "May", "June", "July",
		"August", "September", "October", "November", "December"},
}

// Date writes a day in words with its year: "jeudi 3 décembre 2026",
// "Thursday 3 December 2026". The zero time gives "".
func (p *Printer) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return p.Day(t) + " " + strconv.Itoa(t.In(p.timezone).Year())
}

// Day writes a day in words without its year, for what is near.
func (p *Printer) Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(p.timezone)
	day := strconv.Itoa(t.Day())
	if p.lang == French && t.Day() == 1 {
		day = "1er"
	}
	return weekdays[p.lang][t.Weekday()] + " " + day + " " + months[p.lang][t.Month()-1]
}

// Time writes an hour: "14 h 05" (no-break spaces), "14:05".
func (p *Printer) Time(t time.Time) string {
	t = t.In(p.timezone)
	if p.lang == French {
		return fmt.Sprintf("%d\u00a0h\u00a0%02d", t.Hour(), t.Minute())
	}
	return fmt.Sprintf("%d:%02d", t.Hour(), t.Minute())
}

// DateTime writes a day and an hour: "jeudi 3 décembre à 14 h 05",
// "Thursday 3 December at 14:05". The zero time gives "".
func (p *Printer) DateTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if p.lang == French {
		return p.Day(t) + " à " + p.Time(t)
	}
	return p.Day(t) + " at " + p.Time(t)
}
