// Keeps a page up to date: when something that it shows has changed, its <main> is asked for anew and put in place. What a person
// has typed, where they are and what they have opened stays. Without this script the page is what it was when it was opened.
'use strict';
(() => {
  const page = document.querySelector('main[data-live]');
  if (!page || !window.EventSource) return;
  const PAUSE = 800; // milliseconds between two looks
  let shown = page.innerHTML, timer = 0, isComposing = false;
  page.addEventListener('compositionstart', () => { isComposing = true; });
  page.addEventListener('compositionend', () => { isComposing = false; });

  const isControl = (e) => /^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName) && e.type !== 'hidden';
  // What an element is called on the page before and on the page after.
  const mark = (e) => [e.tagName, e.id, e.name, e.getAttribute('href'), isControl(e) && e.type !== 'checkbox' ? '' : e.value,
    e.form && e.form.getAttribute('action'), e.tagName === 'SUMMARY' ? e.textContent : ''].join('|');
  const find = (root, wanted) => [...root.querySelectorAll(wanted.split('|')[0])].find((e) => mark(e) === wanted);

  function isTouched(e) {
    if (e.type === 'checkbox' || e.type === 'radio') return e.checked !== e.defaultChecked;
    if (e.type === 'file') return e.files.length > 0;
    if (e.tagName !== 'SELECT') return e.value !== e.defaultValue;
    return e.selectedIndex !== Math.max(0, [...e.options].findIndex((o) => o.defaultSelected));
  }

  function put(fresh) {
    const focused = page.contains(document.activeElement) ? document.activeElement : null;
    const spot = focused && mark(focused);
    const touched = [...page.querySelectorAll('input,select,textarea')]
      .filter((e) => isControl(e) && (e === focused || isTouched(e)));
    const opened = [...page.querySelectorAll('details')].map((d) => [mark(d.firstElementChild), d.open]);
    for (const e of touched) {
      const other = find(fresh, mark(e));
      if (other) other.replaceWith(e);
    }
    for (const [summary, open] of opened) {
      const other = find(fresh, summary);
      if (other) other.parentElement.open = open;
    }
    page.replaceChildren(...fresh.childNodes);
    const again = spot && find(page, spot);
    if (again) again.focus({ preventScroll: true });
    page.dispatchEvent(new Event('sohoa:put', { bubbles: true }));
  }

  async function look() {
    const before = shown;
    const answer = await fetch(location.href, { headers: { 'Sohoa-Live': '1' }, cache: 'no-store' });
    if (answer.redirected) return location.reload(); // the session has ended
    if (answer.status >= 500) return;
    const text = await answer.text();
    const fresh = new DOMParser().parseFromString(text, 'text/html').querySelector('main[data-live]');
    if (!fresh || fresh.innerHTML === shown || page.querySelector('[data-changed]')) return;
    // What was asked for is of a page that is no longer shown, or a letter that is being put together would be lost.
    if (shown !== before || isComposing) return setTimeout(soon, PAUSE);
    shown = fresh.innerHTML;
    put(document.importNode(fresh, true));
  }

  function soon() {
    if (timer) return;
    timer = setTimeout(() => look().catch(() => {}).finally(() => { timer = 0; }), PAUSE);
  }

  function hear() {
    const source = new EventSource('/live');
    source.onopen = soon; // something may have happened before this page heard
    source.onmessage = (event) => {
      const { kind, dossier } = JSON.parse(event.data);
      if (kind === 'reload' || !page.dataset.live || page.dataset.live === dossier) soon();
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(hear, 30000);
    };
  }
  // Files dropped anywhere on a page are for its form; what paper they are is typed next.
  const picker = () => page.querySelector('input[type=file][multiple]');
  const hasFiles = (event) => picker() && event.dataTransfer && event.dataTransfer.types.includes('Files');
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    page.classList.add('drop');
  });
  addEventListener('dragleave', (event) => { if (!event.relatedTarget) page.classList.remove('drop'); });
  addEventListener('drop', (event) => {
    page.classList.remove('drop');
    if (!hasFiles(event)) return;
    event.preventDefault();
    picker().files = event.dataTransfer.files;
    picker().form.querySelector('input:not([type=hidden])').focus();
  });

  // Another script has put something in place.
  page.addEventListener('sohoa:shows', (event) => { shown = event.detail; });
  hear();
})();
