"use strict";
/* Opens the page of a phone where there is no network: the page as it was last, and its files. Nothing else is kept. */
const KEPT = "sohoa-{{version}}", FILES = [{{files}}];
const SLOW = 5000;
const isPage = url => /^[/]p[/][0-9a-f]+$/.test(new URL(url).pathname);

/* Pages that were open before this worker: the one that brought it may be the only visit that there will be. */
async function keepOpen(cache) {
  const open = await self.clients.matchAll({ includeUncontrolled: true, type: "window" });
  await Promise.all(open.filter(one => isPage(one.url)).map(one => cache.add(one.url).catch(() => undefined)));
}

self.addEventListener("install", event => {
  event.waitUntil(caches.open(KEPT).then(cache => cache.addAll(FILES).then(() => keepOpen(cache))).then(() => self.skipWaiting()));
});

self.addEventListener("activate", event => {
  const old = names => Promise.all(names.filter(name => name.startsWith("sohoa-") && name !== KEPT).map(name => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

async function page(request) {
  const cache = await caches.open(KEPT);
  const asked = fetch(request).then(async answer => {
    if (answer.ok) await cache.put(request.url, answer.clone());
    /* A code that has ended opens nothing any more. */
    else if (answer.status === 404 || answer.status === 410) await cache.delete(request.url);
    return answer;
  });
  const kept = await cache.match(request.url);
  if (!kept) return asked;
  asked.catch(() => undefined);
  const late = new Promise(done => setTimeout(() => done(kept), SLOW));
  return Promise.race([asked.catch(() => kept), late]);
}

self.addEventListener("fetch", event => {
  const { request } = event, path = new URL(request.url).pathname;
  if (request.method !== "GET") return;
  if (request.mode === "navigate" && isPage(request.url)) event.respondWith(page(request));
  else if (FILES.indexOf(path) >= 0) event.respondWith(caches.match(path).then(kept => kept || fetch(request)));
});
