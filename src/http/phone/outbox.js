"use strict";
/* The outbox: pictures that the service does not have yet. They are kept in the phone's database before the first byte is sent,
   and go when the service has said that it has them. Where there is no database, or it is full, they are kept in memory, and
   the page says so. Bytes lie apart from what is known of a picture, so that a list needs none of them; as buffers, since
   files and blobs of old iPhones are gone after the tab is. */
const sohoa = {};
(() => {
  const memory = new Map();
  let database = null;

  const settled = request => new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
  const committed = transaction => new Promise((done, fail) => {
    transaction.oncomplete = () => done();
    transaction.onabort = transaction.onerror = () => fail(transaction.error);
  });

  /* Whether pictures outlive the page. */
  const ready = (async () => {
    try {
      const request = indexedDB.open("sohoa", 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("pictures", { keyPath: "key" });
        request.result.createObjectStore("bytes");
      };
      database = await Promise.race([settled(request), new Promise((_, fail) => setTimeout(() => fail(new Error("slow")), 5000))]);
      database.onversionchange = () => database.close();
      if (navigator.storage && navigator.storage.persist) navigator.storage.persist().catch(() => false);
      return true;
    } catch { database = null; return false; }
  })();

  const bytesOf = file => new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => fail(reader.error);
    reader.readAsArrayBuffer(file);
  });

  sohoa.outbox = {
    ready,
    /* Keeps a picture; says whether it outlives the page. */
    async add(picture, file) {
      await ready;
      const bytes = await bytesOf(file);
      if (database) {
        try {
          const both = database.transaction(["pictures", "bytes"], "readwrite");
          both.objectStore("pictures").put(picture);
          both.objectStore("bytes").put(bytes, picture.key);
          await committed(both);
          return true;
        } catch { /* Full: memory has room still. */ }
      }
      memory.set(picture.key, { picture, bytes });
      return false;
    },
    /* What is known of all that is kept, by the time it was taken. */
    async list() {
      await ready;
      let kept = Array.from(memory.values()).map(one => one.picture);
      if (database) {
        try { kept = kept.concat(await settled(database.transaction("pictures").objectStore("pictures").getAll())); } catch { /* Memory alone. */ }
      }
      return kept.sort((one, other) => one.taken - other.taken);
    },
    async bytes(key) {
      if (memory.has(key)) return memory.get(key).bytes;
      return settled(database.transaction("bytes").objectStore("bytes").get(key));
    },
    async update(picture) {
      if (memory.has(picture.key)) { memory.get(picture.key).picture = picture; return; }
      try {
        const one = database.transaction("pictures", "readwrite");
        one.objectStore("pictures").put(picture);
        await committed(one);
      } catch { /* It is sent as it was. */ }
    },
    async remove(key) {
      memory.delete(key);
      if (!database) return;
      try {
        const both = database.transaction(["pictures", "bytes"], "readwrite");
        both.objectStore("pictures").delete(key);
        both.objectStore("bytes").delete(key);
        await committed(both);
      } catch { /* Sent again it is the same picture to the service. */ }
    },
  };
})();
