"""Debian's Chromium, driven by its ChromeDriver (W3C WebDriver), without a window."""
import json
import os
import tempfile
import urllib.error
import urllib.request

from programs import Program, Trouble, free_port

# Nothing of it goes out of its own: it has one page to show.
QUIET = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
         '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage',
         '--ignore-certificate-errors')


class Browser:
    """One session with an empty profile; ended with the `with`."""

    def __init__(self, *flags):
        self.profile = tempfile.TemporaryDirectory(prefix='postern-browser-')
        port = free_port()
        self.driver = Program(['chromedriver', f'--port={port}'], ready='started successfully')
        self.url = f'http://127.0.0.1:{port}'
        options = {'binary': '/usr/bin/chromium', 'args': [*QUIET, f'--user-data-dir={self.profile.name}', *flags]}
        session = self.tell('/session', {'capabilities': {'alwaysMatch': {'goog:chromeOptions': options}}})
        self.url += f'/session/{session["sessionId"]}'

    def tell(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {'Content-Type': 'application/json'})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise Trouble(f'the browser: {json.load(error)["value"]["message"]}') from None

    def open(self, url):
        self.tell('/url', {'url': url})

    def run(self, script, *arguments, seconds=30):
        """What an asynchronous script hands to its last argument, a function."""
        self.tell('/timeouts', {'script': 1000 * seconds})
        return self.tell('/execute/async', {'script': script, 'args': list(arguments)})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.kill()
        self.profile.cleanup()


def browser_missing():
    """The name of what is missing, or None."""
    return next((p for p in ('/usr/bin/chromium', '/usr/bin/chromedriver') if not os.path.exists(p)), None)
