// What pages gain where scripts run. Every page works without.
(() => {
  'use strict'
  const all = (selector, root = document) => [...root.querySelectorAll(selector)]
  const digits = s => s.replace(/\D/g, '')

  // What is to be corrected is heard first.
  const summary = document.querySelector('[data-focus]')
  if (summary) summary.focus()

  // Show and hide a password.
  for (const box of all('[data-password]')) {
    const input = box.querySelector('input')
    const button = document.createElement('button')
    const show = visible => {
      input.type = visible ? 'text' : 'password'
      button.textContent = visible ? box.dataset.hide : box.dataset.show
    }
    button.type = 'button'
    button.className = 'quiet'
    button.setAttribute('aria-controls', input.id)
    button.setAttribute('aria-describedby', input.id + '-label')
    const label = document.querySelector(`label[for="${input.id}"]`)
    if (label) label.id = input.id + '-label'
    show(false)
    button.addEventListener('click', () => show(input.type === 'password'))
    if (input.form) input.form.addEventListener('submit', () => show(false))
    input.dataset.room = ''
    box.append(button)
  }

  // Each part of the password rule ticks itself.
  for (const list of all('[data-rules]')) {
    const input = document.getElementById(list.dataset.rules)
    const tests = {
      length: s => [...s].length >= 8,
      upper: s => /\p{Lu}/u.test(s),
      lower: s => /\p{Ll}/u.test(s),
      digit: s => /\p{Nd}/u.test(s),
      special: s => [...s].some(c => list.dataset.special.includes(c))
    }
    const marks = all('[data-rule]', list).map(item => {
      const said = document.createElement('span')
      said.className = 'sr'
      item.append(said)
      return { item, said, test: tests[item.dataset.rule] }
    })
    const tick = () => {
      const typed = input.value.normalize('NFC')
      for (const { item, said, test } of marks) {
        const met = test(typed)
        item.classList.toggle('met', met)
        said.textContent = met ? ', ' + list.dataset.met : ''
      }
    }
    input.addEventListener('input', tick)
    tick()
  }

  // A SIREN in groups of three, a SIRET with its last five.
  for (const input of all('[data-siren]')) {
    const group = d => [d.slice(0, 3), d.slice(3, 6), d.slice(6, 9), d.slice(9)].filter(Boolean).join(' ')
    const write = () => {
      if (/[^\d\s.\u00a0\u202f-]/.test(input.value)) return
      const before = digits(input.value.slice(0, input.selectionStart)).length
      const text = group(digits(input.value).slice(0, 14))
      if (text === input.value) return
      input.value = text
      let at = 0
      for (let n = 0; n < before && at < text.length; at++) if (text[at] !== ' ') n++
      if (document.activeElement === input) input.setSelectionRange(at, at)
    }
    input.addEventListener('input', write)
    write()
  }

  // A code pasted with anything around it.
  for (const input of all('[data-digits]')) {
    input.addEventListener('paste', event => {
      const code = digits(event.clipboardData.getData('text'))
      if (code.length !== Number(input.dataset.digits)) return
      event.preventDefault()
      input.value = code
    })
  }

  // A slip in a well-known mail domain: offered, never imposed.
  // The rule is MeantEmail's, on the server; the page brings its domains.
  const slips = (a, b) => {
    const rows = [...Array(a.length + 1)].map((_, i) => [...Array(b.length + 1)].map((_, j) => i && j ? 0 : i + j))
    for (let i = 1; i <= a.length; i++) {
      for (let j = 1; j <= b.length; j++) {
        rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1)
      }
    }
    return rows[a.length][b.length]
  }
  for (const input of all('[data-typo]')) {
    const domains = input.dataset.domains.split(' ')
    const hint = document.createElement('p')
    hint.className = 'typo'
    hint.setAttribute('role', 'status')
    input.after(hint)
    let soon
    const check = () => {
      clearTimeout(soon)
      hint.textContent = ''
      const [name, domain, more] = input.value.trim().toLowerCase().split('@')
      if (!name || !domain || more !== undefined || domains.includes(domain)) return
      let near, least = 3
      for (const d of domains) {
        const n = Math.abs(domain.length - d.length) > 2 ? 3 : slips(domain, d)
        if (n <= (d.length > 8 ? 2 : 1) && n < least) [near, least] = [d, n]
      }
      if (!near) return
      const [before, after] = input.dataset.typo.split('{email}')
      const button = document.createElement('button')
      button.type = 'button'
      button.className = 'quiet'
      button.textContent = name + '@' + near
      button.addEventListener('click', () => {
        input.value = button.textContent
        hint.textContent = ''
        input.focus()
      })
      // Not at once: a button being pressed must not move away under the pointer.
      soon = setTimeout(() => hint.replaceChildren(before, button, after), 300)
    }
    input.addEventListener('change', check)
    check() // what comes back with a fault of its own, or elsewhere
  }

  // One press sends once.
  for (const form of all('form[data-once]')) {
    form.addEventListener('submit', event => {
      if (form.hasAttribute('aria-busy')) event.preventDefault()
      form.setAttribute('aria-busy', 'true')
    })
  }
  addEventListener('pageshow', () => all('form[aria-busy]').forEach(form => form.removeAttribute('aria-busy')))

  // The header's boxes close when one goes elsewhere.
  const boxes = all('details.pop')
  addEventListener('focusin', event => boxes.forEach(box => { if (!box.contains(event.target)) box.open = false }))
  addEventListener('click', event => boxes.forEach(box => { if (!box.contains(event.target)) box.open = false }))
  addEventListener('keydown', event => {
    const box = event.key === 'Escape' && boxes.find(b => b.open)
    if (!box) return
    box.open = false
    box.querySelector('summary').focus()
  })

  // The page that leads on by itself, unless one stays.
  const leading = document.querySelector('[data-redirect]')
  if (leading && location.hash !== '#stay') {
    const said = leading.querySelector('[data-stayed]')
    const stay = leading.querySelector('[data-stay]')
    stay.hidden = false // nothing leads on without a script
    said.textContent = said.dataset.soon
    const timer = setTimeout(() => location.assign(leading.dataset.redirect), Number(leading.dataset.seconds) * 1000)
    stay.addEventListener('click', event => {
      event.preventDefault()
      clearTimeout(timer)
      history.replaceState(null, '', '#stay')
      said.textContent = said.dataset.stayed
      stay.hidden = true
      leading.querySelector('.acts .button').focus()
    })
  }

  // The end of the session is told ten minutes before. The script only counts: it asks for nothing until somebody presses.
  const ending = document.querySelector('[data-absolute]')
  if (ending) {
    const texts = ending.dataset
    const from = (start, seconds) => start + Number(seconds) * 1000
    const tabs = new BroadcastChannel('portique-session')
    let idle = from(Date.now(), texts.idle)
    let shown = ''
    let absolute = from(Date.now(), texts.absolute)
    const hour = time => {
      const d = new Date(time)
      return d.getHours() + (document.documentElement.lang === 'fr' ? '\u00a0h\u00a0' : ':') + String(d.getMinutes()).padStart(2, '0')
    }
    const say = (state, act) => {
      shown = state
      ending.textContent = ''
      if (!state) return
      const text = document.createElement('p')
      text.textContent = texts[state + 'Text'].replace('{time}', hour(Math.min(idle, absolute)))
      ending.append(text)
      if (!act) return
      const button = document.createElement('button')
      button.type = 'button'
      button.className = 'button second'
      button.textContent = texts.keep
      button.addEventListener('click', keep)
      ending.append(button)
    }
    const renewed = (ends, by) => {
      if (ends.idle < idle) return
      ({ idle, absolute } = ends)
      say(by)
      look()
    }
    const keep = async () => {
      const start = Date.now()
      ending.focus() // the button goes
      try {
        const answer = await fetch('/session/keep', { method: 'POST', redirect: 'manual' })
        if (answer.status === 401) return say('ended')
        if (!answer.ok) return say('failed', true)
      } catch {
        return say('failed', true)
      }
      renewed({ idle: from(start, texts.renewed), absolute }, 'kept')
      tabs.postMessage({ idle, absolute })
      setTimeout(() => shown === 'kept' && say(''), 10000)
    }
    const look = () => {
      const now = Date.now()
      const end = Math.min(idle, absolute)
      const state = now >= end ? 'ended' : now < end - 600000 ? '' : absolute <= idle ? 'absolute' : 'idle'
      if (state && state !== shown && !(shown === 'failed' && state === 'idle')) say(state, state === 'idle')
    }
    tabs.addEventListener('message', event => renewed(event.data, ''))
    tabs.postMessage({ idle, absolute }) // this page was a use, perhaps of a new session
    setInterval(look, 15000)
    for (const moment of ['focus', 'pageshow']) addEventListener(moment, look) // after a sleep
    look()
  }

  // An answer carried to a tool by a form.
  const sending = document.querySelector('form[data-send]')
  if (sending) HTMLFormElement.prototype.submit.call(sending)
})()
