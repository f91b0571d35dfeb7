package company

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"portique"
)

// What one member file may hold. The whole file is read before anything is
// decided, so this bounds the memory of an import too.
const (
	maxFile  = 64 << 20 // bytes
	maxLines = 500_000
	maxLine  = 64 << 10 // bytes; a longer line is refused, not the file
	maxName  = 200      // characters of a company's name
)

var columns = []string{"siren", "name", "member_code", "status", "contact_email", "street", "postcode", "city", "sector", "successor"}

// ErrFile says why a member file cannot be read at all.
type ErrFile struct{ Reason string }

func (e *ErrFile) Error() string { return "member file: " + e.Reason }

const saveAsUTF8 = `save it as "CSV UTF-8"`

// row is one line of the file: a company, or the reason why it is refused.
type row struct {
	Line
	company *portique.Company
	code    string
	absent  []string // columns that the file does not have: they change nothing
}

func (r *row) refuse(err error) {
	r.Outcome, r.Error, r.company = Refused, err, nil
}

func refuse(key string, args ...any) error {
	return &portique.Error{Kind: portique.Invalid, Key: key, Args: args}
}

// parse reads a member file, and gives its rows and its SHA-256. One line is
// one company: a line break inside quotation marks is refused, since a mark
// that somebody forgot to close would otherwise swallow the companies that
// follow. Two lines of one SIREN are both refused: nobody can tell which is
// meant. Lines that say nothing are left out.
func parse(file io.Reader, codeBits int) (rows []*row, digest string, err error) {
	sum := sha256.New()
	limited := &io.LimitedReader{R: file, N: maxFile + 1}
	lines := &lineReader{r: bufio.NewReaderSize(io.TeeReader(limited, sum), maxLine)}
	if err := lines.start(); err != nil {
		return nil, "", err
	}
	h, err := readHeader(lines)
	if err != nil {
		return nil, "", err
	}
	first := map[portique.SIREN]*row{}
	utf8Seen := false // text outside ASCII that is UTF-8
	notUTF8, encoding := 0, ""
	for {
		text, long, err := lines.next()
		if limited.N == 0 {
			return nil, "", &ErrFile{fmt.Sprintf("it is larger than %d MiB: cut it in several files", maxFile>>20)}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", err
		}
		if !long && strings.Trim(text, "\";, \t\r") == "" {
			continue
		}
		if len(rows) == maxLines {
			return nil, "", &ErrFile{fmt.Sprintf("it has more than %d lines: cut it in several files", maxLines)}
		}
		r := &row{Line: Line{Number: lines.number}, absent: h.absent}
		rows = append(rows, r)
		switch {
		case long:
			r.refuse(refuse("import.long", "Limit", maxLine>>10))
		case !utf8.ValidString(text):
			if notUTF8 == 0 {
				notUTF8, encoding = lines.number, guess(text)
			}
			r.refuse(refuse("import.utf8"))
		default:
			utf8Seen = utf8Seen || !ascii(text)
			h.read(r, text, codeBits)
		}
		if r.SIREN == "" {
			continue
		}
		if other := first[r.SIREN]; other == nil {
			first[r.SIREN] = r
		} else {
			for _, one := range []*row{r, other} {
				if one.Error == nil {
					one.refuse(refuse("import.twice", "Line", r.Number+other.Number-one.Number))
				}
			}
		}
	}
	if notUTF8 > 0 && !utf8Seen {
		return nil, "", &ErrFile{fmt.Sprintf("line %d is not in UTF-8 but %s: %s, or convert it (iconv -f WINDOWS-1252 -t UTF-8)", notUTF8, encoding, saveAsUTF8)}
	}
	return rows, hex.EncodeToString(sum.Sum(nil)), nil
}

// guess names the encoding of a text that is not UTF-8. French letters are in
// the upper half of Latin-1 and nowhere near it in the code pages of DOS and of
// the Macintosh of old.
func guess(text string) string {
	for i := range len(text) {
		if text[i] >= 0xc0 {
			return "probably in Latin-1 (Windows-1252)"
		}
	}
	return "in an older encoding, perhaps Windows-1252"
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lineReader gives a file line by line and never holds more than one.
type lineReader struct {
	r      *bufio.Reader
	number int
}

// start recognises by its first bytes what is no text, and skips a byte order
// mark.
func (l *lineReader) start() error {
	begins, err := l.r.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for _, kind := range []struct{ magic, reason string }{
		{"\xff\xfe", "it is in UTF-16: " + saveAsUTF8},
		{"\xfe\xff", "it is in UTF-16: " + saveAsUTF8},
		{"\x1f\x8b", "it is compressed with gzip: uncompress it first"},
		{"PK\x03\x04", "it is a spreadsheet or a zip archive: open it and " + saveAsUTF8},
		{"PK\x05\x06", "it is an empty zip archive"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an old spreadsheet: open it and " + saveAsUTF8},
		{"BZh", "it is compressed with bzip2: uncompress it first"},
		{"\xfd7zXZ", "it is compressed with xz: uncompress it first"},
		{"\x28\xb5\x2f\xfd", "it is compressed with zstd: uncompress it first"},
	} {
		if bytes.HasPrefix(begins, []byte(kind.magic)) {
			return &ErrFile{kind.reason}
		}
	}
	if bytes.HasPrefix(begins, []byte("\ufeff")) {
		_, _ = l.r.Discard(3)
	}
	return nil
}

// next reads a line without its end; long says that it exceeds maxLine and was
// skipped. After the last line the error is io.EOF.
func (l *lineReader) next() (text string, long bool, err error) {
	l.number++
	line, err := l.r.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		long = true
		line, err = l.r.ReadSlice('\n')
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0 && !long) {
		return "", false, err
	}
	if bytes.IndexByte(line, 0) >= 0 {
		return "", false, &ErrFile{fmt.Sprintf("line %d holds a NUL: it is in UTF-16, or no text at all; %s", l.number, saveAsUTF8)}
	}
	if long {
		return "", true, nil
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"), false, nil
}

// header is what the first line says of the others.
type header struct {
	separator byte
	index     map[string]int
	absent    []string
}

func readHeader(lines *lineReader) (*header, error) {
	text, long, err := lines.next()
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case !long && strings.TrimSpace(text) == "":
		return nil, &ErrFile{"the first line is empty; it must be the header " + strings.Join(columns, ";")}
	case long, strings.ContainsRune(text, '\r'):
		return nil, &ErrFile{"its lines do not end as they should (LF or CRLF): " + saveAsUTF8}
	case !utf8.ValidString(text):
		return nil, &ErrFile{fmt.Sprintf("the header is not in UTF-8 but %s: %s", guess(text), saveAsUTF8)}
	}
	h := &header{separator: ',', index: map[string]int{}}
	if strings.Count(text, ";") >= strings.Count(text, ",") {
		h.separator = ';'
	}
	fields, _ := split(text, h.separator)
	for i, name := range fields {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns, name) {
			return nil, &ErrFile{fmt.Sprintf("unknown column %.60q; the columns are %s", name, strings.Join(columns, ";"))}
		}
		if _, twice := h.index[name]; twice {
			return nil, &ErrFile{fmt.Sprintf("the column %q is there twice", name)}
		}
		h.index[name] = i
	}
	for _, name := range columns {
		if _, there := h.index[name]; there {
			continue
		}
		if h.absent = append(h.absent, name); name == "siren" || name == "name" || name == "member_code" {
			return nil, &ErrFile{fmt.Sprintf("the column %q is missing; the columns are %s", name, strings.Join(columns, ";"))}
		}
	}
	return h, nil
}

// split cuts a line at its separators (RFC 4180 without line breaks). A
// quotation mark inside a field that does not begin with one is a character
// like any other, as is one that no separator follows: exports made by hand
// have them. It is false when a mark that opens a field is never closed.
func split(line string, separator byte) ([]string, bool) {
	var fields []string
	for {
		if !strings.HasPrefix(line, `"`) {
			field, rest, more := strings.Cut(line, string(separator))
			fields = append(fields, field)
			if !more {
				return fields, true
			}
			line = rest
			continue
		}
		var field strings.Builder
		i, closed := 1, false
		for ; i < len(line) && !closed; i++ {
			switch {
			case line[i] != '"':
				field.WriteByte(line[i])
			case i+1 < len(line) && line[i+1] == '"':
				field.WriteByte('"')
				i++
			case i+1 == len(line) || line[i+1] == separator:
				closed = true
			default:
				field.WriteByte('"')
			}
		}
		fields = append(fields, field.String())
		if !closed {
			return fields, false
		}
		if i == len(line) {
			return fields, true
		}
		line = line[i+1:]
	}
}

// read makes a company of a line, or says why not.
func (h *header) read(r *row, text string, codeBits int) {
	fields, closed := split(text, h.separator)
	if !closed {
		r.refuse(refuse("import.quote"))
		return
	}
	if len(fields) != len(h.index) {
		r.refuse(refuse("import.fields", "Count", len(fields), "Want", len(h.index)))
		return
	}
	get := func(name string) string {
		if i, there := h.index[name]; there {
			return portique.CleanText(fields[i])
		}
		return ""
	}
	r.Name = get("name")
	siren, err := portique.ParseSIREN(get("siren"))
	if err != nil {
		r.refuse(err)
		return
	}
	r.SIREN = siren
	if r.Name == "" || utf8.RuneCountInString(r.Name) > maxName {
		r.refuse(refuse("import.name"))
		return
	}
	status := portique.CompanyActive
	switch get("status") {
	case "", string(portique.CompanyActive):
	case string(portique.CompanyClosed):
		status = portique.CompanyClosed
	default:
		r.refuse(refuse("import.status", "Status", get("status")))
		return
	}
	contact := get("contact_email")
	if contact != "" {
		if contact, err = portique.ParseEmail("contact_email", contact); err != nil {
			r.refuse(err)
			return
		}
	}
	var successor portique.SIREN
	if s := get("successor"); s != "" {
		if successor, err = portique.ParseSIREN(s); err != nil {
			r.refuse(err)
			return
		}
		if successor == siren {
			r.refuse(refuse("import.successor"))
			return
		}
	}
	r.code = portique.CanonicalMemberCode(get("member_code"))
	if bits := portique.CodeBits(siren, r.code); r.code != "" && bits < float64(codeBits) {
		r.refuse(refuse("import.code_weak", "Bits", int(bits), "Want", codeBits))
		return
	}
	r.company = &portique.Company{SIREN: siren, Name: r.Name, Status: status, ContactEmail: contact, Street: get("street"),
		Postcode: get("postcode"), City: get("city"), Sector: get("sector"), Successor: successor}
}
