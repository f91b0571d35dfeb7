package portique

import "strings"

// MailDomains are those that most people without an address of their company
// write to us from, the commonest first. Pages give them to the script that
// offers the same hint while one types.
var MailDomains = []string{
	"gmail.com", "orange.fr", "hotmail.fr", "outlook.fr", "wanadoo.fr", "free.fr", "yahoo.fr", "hotmail.com", "outlook.com",
	"laposte.net", "sfr.fr", "live.fr", "icloud.com", "yahoo.com", "bbox.fr", "neuf.fr", "gmx.fr", "live.com", "msn.com",
	"ymail.com", "mail.com", "me.com",
}

// MeantEmail returns the address that was probably meant when the domain of a
// well-formed one looks like a slip of a well-known domain, "" otherwise. It is
// offered, never imposed: a company may well be called hotmal.fr.
func MeantEmail(email string) string {
	name, domain, ok := strings.Cut(email, "@")
	if !ok || name == "" {
		return ""
	}
	near, least := "", 3
	for _, known := range MailDomains {
		if known == domain {
			return ""
		}
		allowed := 1
		if len(known) > 8 {
			allowed = 2
		}
		if d := slips(domain, known); d <= allowed && d < least {
			near, least = known, d
		}
	}
	if near == "" {
		return ""
	}
	return name + "@" + near
}

// slips counts the letters missed, added, replaced or exchanged with the next
// between what was typed and what was meant. Both are ASCII. What is much longer
// or shorter is not compared.
func slips(typed, meant string) int {
	if d := len(typed) - len(meant); d > 2 || d < -2 {
		return len(typed) + len(meant)
	}
	rows := make([][]int, len(typed)+1)
	for i := range rows {
		rows[i] = make([]int, len(meant)+1)
		for j := range rows[i] {
			if i == 0 || j == 0 {
				rows[i][j] = i + j
				continue
			}
			replaced := rows[i-1][j-1]
			if typed[i-1] != meant[j-1] {
				replaced++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replaced)
			if i > 1 && j > 1 && typed[i-1] == meant[j-2] && typed[i-2] == meant[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(typed)][len(meant)]
}
