package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Member is one line of a member file.
type Member struct {
	SIREN, Name, Code, Status, ContactEmail, Street, Postcode, City, Sector string
}

// Members is a member file.
type Members []Member

// MemberFile makes a member file of n companies, the same one for the same seed. The SIRENs have right keys and differ; the shops,
// streets and people do not exist, and no address can receive mail.
func MemberFile(seed uint64, n int) Members {
	r := rand.New(rand.NewPCG(seed, 20))
	seen := map[string]bool{}
	var list Members
	for len(list) < n {
		siren := siren(r)
		if seen[siren] {
			continue
		}
		seen[siren] = true
		trade, town := pick(r, trades), pick(r, towns)
		name := fmt.Sprintf(pick(r, signs[trade.word]), pick(r, families))
		host := strings.Trim(strings.Map(slug, strings.ToLower(Plain(name))), "-")
		list = append(list, Member{
			SIREN: siren, Name: name, Code: fmt.Sprintf("%08d", r.IntN(100_000_000)), Status: "active",
			ContactEmail: fmt.Sprintf("contact@%s-%s.example", host, siren[6:]),
			Street:       fmt.Sprintf("%d %s", 1+r.IntN(120), pick(r, streets)),
			Postcode:     town.postcode, City: town.name, Sector: trade.sector,
		})
	}
	return list
}

// CSV writes the member file as an operator's system exports it.
func (m Members) CSV() string {
	var b strings.Builder
	b.WriteString("siren;name;member_code;status;contact_email;street;postcode;city;sector;successor\n")
	for _, c := range m {
		b.WriteString(strings.Join([]string{c.SIREN, c.Name, c.Code, c.Status, c.ContactEmail, c.Street, c.Postcode, c.City, c.Sector, ""}, ";") + "\n")
	}
	return b.String()
}

// siren draws eight digits and adds the ninth, which makes the Luhn sum a multiple of ten.
func siren(r *rand.Rand) string {
	d := make([]byte, 9)
	sum := 0
	for i := range 8 {
		n := r.IntN(10)
		if i == 0 {
			n = 3 + r.IntN(7)
		}
		d[i] = byte('0' + n)
		if i%2 == 1 { // the second, fourth … digit counts double
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	d[8] = byte('0' + (10-sum%10)%10)
	return string(d)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

var folded = strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ë", "e", "à", "a", "â", "a", "î", "i", "ï", "i", "ô", "o", "û", "u", "ç", "c", "œ", "oe")

func slug(c rune) rune {
	if f := folded.Replace(string(c)); f != string(c) {
		c = []rune(f)[0]
	}
	if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
		return c
	}
	return '-'
}

type trade struct{ word, sector string }

var trades = []trade{
	{"boulangerie", "Commerce de détail alimentaire"}, {"chaussures", "Commerce succursaliste de la chaussure"},
	{"optique", "Optique-lunetterie de détail"}, {"jardin", "Jardineries et graineteries"}, {"jouets", "Commerce du jouet"},
	{"bricolage", "Bricolage"}, {"librairie", "Librairie"}, {"bijouterie", "Horlogerie-bijouterie"},
	{"habillement", "Maisons à succursales de vente au détail d'habillement"}, {"cycles", "Commerce du cycle"},
}

// signs are the names over the doors, by trade; %s is a family.
var signs = map[string][]string{
	"boulangerie": {"Boulangerie %s", "Aux Blés d'Or - %s", "Le Fournil de %s", "Épicerie %s et fils"},
	"chaussures":  {"Chaussures %s", "Le Pied léger - %s", "Cordonnerie %s"},
	"optique":     {"Optique %s", "Lunettes %s", "Au Clair de l'Œil - %s"},
	"jardin":      {"Jardinerie %s", "Graineterie %s", "Pépinières %s"},
	"jouets":      {"Jouets %s", "La Toupie - %s", "Le Cheval de bois - %s"},
	"bricolage":   {"Quincaillerie %s", "Bricolage %s", "Droguerie %s"},
	"librairie":   {"Librairie %s", "Papeterie %s", "La Page blanche - %s"},
	"bijouterie":  {"Bijouterie %s", "Horlogerie %s", "L'Heure exacte - %s"},
	"habillement": {"Maison %s", "Prêt-à-porter %s", "Mercerie %s"},
	"cycles":      {"Cycles %s", "La Roue libre - %s", "Vélos %s"},
}

var families = []string{
	"Martin", "Lefèvre", "Garnier", "Rousseau", "Chevalier", "Lambert", "Girard", "Fontaine", "Mercier", "Blanchard", "Le Goff", "Kerouanton",
	"Da Silva", "Benali", "Nguyen", "Diallo", "Haddad", "Schneider", "Castaing", "Etcheverry", "Vasseur", "Delattre", "Bonnet", "Perrin", "Morel",
	"Besson", "Charpentier", "Tessier", "Prigent", "Ollivier", "Carpentier", "Moulin", "Sabatier", "Pelletier", "Jacquet", "Hamel", "Marchetti",
}

var towns = []struct{ postcode, name string }{
	{"35000", "Rennes"}, {"44000", "Nantes"}, {"29200", "Brest"}, {"59000", "Lille"}, {"67000", "Strasbourg"}, {"69003", "Lyon"}, {"13006", "Marseille"},
	{"31000", "Toulouse"}, {"33000", "Bordeaux"}, {"75011", "Paris"}, {"63000", "Clermont-Ferrand"}, {"87000", "Limoges"}, {"21000", "Dijon"},
	{"76000", "Rouen"}, {"37000", "Tours"}, {"64100", "Bayonne"}, {"20000", "Ajaccio"}, {"97400", "Saint-Denis"}, {"22300", "Lannion"}, {"85000", "La Roche-sur-Yon"},
}

var streets = []string{
	"rue de la République", "place du Marché", "rue Victor-Hugo", "avenue de la Gare", "rue des Tanneurs", "boulevard Jean-Jaurès", "rue du Moulin",
	"quai de la Fosse", "impasse des Lilas", "rue de l'Église", "cours Gambetta", "allée des Tilleuls", "rue du Général-Leclerc",
}
