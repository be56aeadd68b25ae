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

  const open = () => {
    const request = indexedDB.open("sohoa", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("pictures", { keyPath: "key" });
      request.result.createObjectStore("bytes");
    };
    return Promise.race([settled(request), new Promise((_, fail) => setTimeout(() => fail(new Error("slow")), 5000))]);
  };
  /* Whether pictures outlive the page. */
  const ready = (async () => {
    try { database = await open(); return true; } catch { return false; }
  })();
  /* Does something with the database; anew where the browser has lost it, as old iPhones do in the background. */
  const using = async work => {
    try { return await work(); } catch {
      database = await open();
      return work();
    }
  };

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
        if (navigator.storage && navigator.storage.persist) navigator.storage.persist().catch(() => false);
        try {
          await using(() => {
            const both = database.transaction(["pictures", "bytes"], "readwrite");
            both.objectStore("pictures").put(picture);
            both.objectStore("bytes").put(bytes, picture.key);
            return committed(both);
          });
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
        try { kept = kept.concat(await using(() => settled(database.transaction("pictures").objectStore("pictures").getAll()))); } catch { /* Memory alone. */ }
      }
      return kept.sort((one, other) => one.taken - other.taken);
    },
    /* The bytes; nothing where they are not kept any more. */
    async bytes(key) {
      if (memory.has(key)) return memory.get(key).bytes;
      return using(() => settled(database.transaction("bytes").objectStore("bytes").get(key)));
    },
    async update(picture) {
      if (memory.has(picture.key)) { memory.get(picture.key).picture = picture; return; }
      try {
        await using(() => {
          const one = database.transaction("pictures", "readwrite");
          one.objectStore("pictures").put(picture);
          return committed(one);
        });
      } catch { /* It is sent as it was. */ }
    },
    async remove(key) {
      memory.delete(key);
      if (!database) return;
      try {
        await using(() => {
          const both = database.transaction(["pictures", "bytes"], "readwrite");
          both.objectStore("pictures").delete(key);
          both.objectStore("bytes").delete(key);
          return committed(both);
        });
      } catch { /* Sent again it is the same picture to the service. */ }
    },
  };
})();
