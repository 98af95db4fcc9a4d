/* Pages that are opened as files may start no workers, and the search is one. Here its script runs in a hidden frame. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.onmessage = this.onerror = null;
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inner = frame.contentWindow;
      const home = new URL(url, location.href);
      let loading = Promise.resolve();
      const load = (address) =>
        new Promise((done, failed) => {
          const script = inner.document.createElement("script");
          script.src = new URL(address, home);
          script.onload = done;
          script.onerror = failed;
          inner.document.head.append(script);
        });
      inner.importScripts = (...addresses) => {
        for (const each of addresses) loading = loading.then(() => load(each));
        return loading;
      };
      inner.postMessage = (data) => {
        const event = new MessageEvent("message", { data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      load(home).then(
        () => {
          this.inner = inner;
          for (const data of this.waiting) this.postMessage(data);
        },
        (error) => (this.onerror || console.error)(error),
      );
    }

    postMessage(data) {
      if (this.inner) this.inner.dispatchEvent(new MessageEvent("message", { data }));
      else this.waiting.push(data);
    }

    terminate() {}
  };
}
