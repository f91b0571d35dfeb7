package demo

import (
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// Member is one line of a made-up member file.
type Member struct {
	SIREN, Name, Code, Contact, Street, Postcode, City, Sector string
}

// Members makes n companies from a seed: valid SIREN keys, plausible names of
// shops, codes of ten characters. The same seed gives the same file.
func Members(seed uint64, n int) []Member {
	r := rand.New(rand.NewPCG(seed, 0x706f727469717565))
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	taken := map[string]bool{}
	members := make([]Member, 0, n)
	for len(members) < n {
		siren := newSIREN(r)
		if taken[siren] {
			continue
		}
		taken[siren] = true
		trade := trades[r.IntN(len(trades))]
		city := cities[r.IntN(len(cities))]
		name := trade.name + " " + pick(names)
		members = append(members, Member{
			SIREN: siren, Name: name, Code: code(r), Sector: trade.sector,
			Contact: "contact@" + slug(name) + ".example", Street: fmt.Sprintf("%d %s", 1+r.IntN(120), pick(streets)),
			Postcode: city.postcode, City: city.name,
		})
	}
	return members
}

// newSIREN draws eight digits and adds the Luhn key.
func newSIREN(r *rand.Rand) string {
	digits := make([]byte, 9)
	digits[0] = byte('3' + r.IntN(6))
	for i := 1; i < 8; i++ {
		digits[i] = byte('0' + r.IntN(10))
	}
	sum := 0
	for i := range 8 {
		d := int(digits[i] - '0')
		if i%2 == 1 { // the last digit, the key, is not doubled
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	digits[8] = byte('0' + (10-sum%10)%10)
	return string(digits)
}

const codeLetters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

func code(r *rand.Rand) string {
	b := make([]byte, 10)
	for i := range b {
		b[i] = codeLetters[r.IntN(len(codeLetters))]
	}
	return string(b)
}

func slug(name string) string {
	plain := strings.NewReplacer("é", "e", "è", "e", "ê", "e", "à", "a", "â", "a", "ç", "c", "ô", "o", "î", "i", "ï", "i", "û", "u", "œ", "oe", "’", "-", "'", "-")
	var b strings.Builder
	for _, c := range plain.Replace(strings.ToLower(name)) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

// WriteCSV writes members as the operator's member file.
func WriteCSV(w io.Writer, members []Member) error {
	c := csv.NewWriter(w)
	c.Comma = ';'
	if err := c.Write([]string{"siren", "name", "member_code", "status", "contact_email", "street", "postcode", "city", "sector", "successor"}); err != nil {
		return err
	}
	for _, m := range members {
		if err := c.Write([]string{m.SIREN, m.Name, m.Code, "active", m.Contact, m.Street, m.Postcode, m.City, m.Sector, ""}); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

var trades = []struct{ name, sector string }{
	{"Boulangerie", "Alimentation"}, {"Épicerie", "Alimentation"}, {"Fromagerie", "Alimentation"}, {"Primeur", "Alimentation"},
	{"Librairie", "Culture"}, {"Papeterie", "Culture"}, {"Quincaillerie", "Équipement de la maison"}, {"Jardinerie", "Équipement de la maison"},
	{"Maison", "Équipement de la maison"}, {"Cycles", "Sport"}, {"Sports", "Sport"}, {"Optique", "Santé"}, {"Chaussures", "Habillement"},
	{"Mercerie", "Habillement"}, {"Atelier", "Habillement"}, {"Cave", "Alimentation"}, {"Comptoir", "Alimentation"}, {"Jouets", "Culture"},
}

var names = []string{"Aubert", "Bellanger", "Carpentier", "Delmas", "Esnault", "Fabre", "Garnier", "Hamelin", "Imbert", "Jourdan", "Kervella",
	"Lacombe", "Maréchal", "Nivert", "Ollivier", "Pasquier", "Quéméneur", "Renaud", "Sabatier", "Tessier", "Vasseur", "du Marché", "de la Gare",
	"des Halles", "du Pont Neuf", "de la Fontaine", "des Tilleuls", "du Vieux Moulin", "Saint-Michel", "de l'Horloge", "des Remparts", "du Lavoir"}

var streets = []string{"rue de la République", "avenue Jean-Jaurès", "place du Marché", "rue des Tanneurs", "boulevard Carnot", "rue Pasteur",
	"quai des Arts", "rue du Four", "allée des Platanes", "rue Sainte-Anne"}

var cities = []struct{ postcode, name string }{
	{"59000", "Lille"}, {"69003", "Lyon"}, {"31000", "Toulouse"}, {"44000", "Nantes"}, {"67000", "Strasbourg"}, {"35000", "Rennes"},
	{"21000", "Dijon"}, {"87000", "Limoges"}, {"29200", "Brest"}, {"25000", "Besançon"}, {"80000", "Amiens"}, {"37000", "Tours"},
	{"86000", "Poitiers"}, {"73000", "Chambéry"}, {"40000", "Mont-de-Marsan"}, {"12000", "Rodez"},
}
