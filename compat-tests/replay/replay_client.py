#!/usr/bin/env python3
"""Replay the client side of recorded streams against a running daemon and compare what it answers.

usage: replay_client.py [--stock] [--conf TAG] [--unix PATH] [-v] HOST PORT [FILE...]
       FILE: recordings of Tests/Vectors/client/ (default: all that Tests/Vectors/client/expect.json lists)
exit:  0 no FAIL, 1 at least one FAIL, 2 the daemon cannot be reached.  Lines: PASS, FAIL or SKIP, file, reason.

The daemon must stand alone (no other daemon in its ring) and be freshly started or at least without clients. Its name is asked from it; files
recorded at a daemon of another name are skipped. --stock expects for `ours-differs` files what stock 5.0.1 did (files that kill it are skipped);
without it, what entry["ours"] says. --conf: the daemon was started with one of these settings, only files recorded so are played:
  default  nothing
  ip       AllowedAuthMethods = "NULL IP"
  ip2      RequiredAuthMethods = "IP", AllowedAuthMethods = "NULL IP"
  ip3      AllowedAuthMethods = "IP"
  (ip, ip2, ip3: spread.access_ip in the working directory of the daemon holds the line `unix` and the client's network)

expect.json: file name -> entry
  use          exact | masked | ours-differs | needs-ring | not-for-replay       daemons  stock daemons running when it was recorded
  daemon conf transport client    name and settings of the daemon, tcp or unix, who made the client bytes (libspread-* or hand-made)
  mask         [{at, len, field}] ranges of the recorded daemon->client stream (all chunks glued) that may differ; nothing else may
  client_mask  the same for the client->daemon stream of libspread recordings: uninitialised bytes of the stock library (for library tests)
  end          daemon: it must close by itself; client: it must keep the connection until we close, then close too
  hold_ms      how long it must be seen open before we close (default 300)
  helpers      sessions opened before: {name, memb, join:[groups], cues:[{after, hex}]} (cue: send hex once the main stream got `after` bytes) or {fill: N}
  auto_name    the name in ACCEPT is invented by the daemon; put into the frames we send
  optional_from  answers from this offset on may be missing altogether (a session that ends drops what it had queued)
  stock_dies, stock_mask   the frame kills a stock daemon, always or sometimes; ranges that are stale memory there
  ours         {what, any:[{s2c, end, mask, optional_from, not_before_ms}]} one of these must be the answer of a new daemon
               (not_before_ms: the daemon must not close earlier after our last byte)
After every file a fresh session must be accepted, or the file fails ("daemon gone").
"""
import json, os, re, select, socket, sys, time

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'Tests', 'Vectors', 'client')
EOF_WAIT, ANSWER_WAIT = 5.0, 2.0


class Conn:
    def __init__(s, where):
        if isinstance(where, str):
            s.k = socket.socket(socket.AF_UNIX)
            s.k.connect(where)
        else:
            s.k = socket.create_connection(where, 3)
            s.k.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.b, s.eof = b'', False

    def send(s, x):
        s.k.settimeout(5)
        try:
            s.k.sendall(x)
        except OSError:
            s.pump(0)

    def pump(s, t):
        """take what is there, waiting up to t seconds for the first byte"""
        while not s.eof and select.select([s.k], [], [], max(0, t))[0]:
            try:
                x = s.k.recv(1 << 16)
            except OSError:
                x = b''
            if not x:
                s.eof = True
            s.b += x
            t = 0

    def until(s, n, t):
        end = time.time() + t
        while len(s.b) < n and not s.eof and time.time() < end:
            s.pump(min(.05, end - time.time()))
        return len(s.b) >= n

    def until_eof(s, t):
        end = time.time() + t
        while not s.eof and time.time() < end:
            s.pump(min(.05, end - time.time()))
        return s.eof

    def shut(s):
        try:
            s.k.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(s):
        s.k.close()


def login(where, name=b'', memb=0):
    """an ordinary 5.0.1 session; returns it and its private group, or raises"""
    c = Conn(where)
    c.send(bytes([5, 0, 1, memb, len(name)]) + name)
    if not c.until(1, 3) or c.b[0] > 127 or not c.until(1 + c.b[0], 2):
        raise OSError('no list of methods: %s' % c.b.hex())
    n = 1 + c.b[0]
    ms = c.b[1:n].split()
    c.send((b'NULL' if b'NULL' in ms else ms[0]).ljust(90, b'\0'))
    if not c.until(n + 5, 5) or c.b[n] != 1 or not c.until(n + 5 + c.b[n + 4], 2):
        raise OSError('session refused: %s' % c.b.hex())
    pg = c.b[n + 5:n + 5 + c.b[n + 4]]
    c.b = b''
    return c, pg


def masked(b, mask):
    b = bytearray(b)
    for m in mask:
        for i in range(m['at'], min(len(b), m['at'] + m['len'])):
            b[i] = 0
    return bytes(b)


def judge(got, end, v, slack, took):
    """'' when the answer `got`, ended by `end`, is the variant v"""
    want = bytes.fromhex(v['s2c']) if isinstance(v['s2c'], str) else v['s2c']
    if end != v['end']:
        return {'open': 'still open', 'daemon': 'the daemon closed', 'client': 'the daemon did not close by itself'}[end]
    if took < v.get('not_before_ms', 0):
        return 'closed after %d ms, too early' % took
    o = v.get('optional_from')
    if o is not None and len(got) == o:
        want = want[:o]
    a, w = masked(got, v.get('mask', []) + slack), masked(want, v.get('mask', []) + slack)
    if a == w:
        return ''
    i = next((i for i in range(min(len(a), len(w))) if a[i] != w[i]), min(len(a), len(w)))
    return 'differs at %d of %d/%d: got %s want %s' % (i, len(a), len(w), a[i:i + 12].hex() or '-', w[i:i + 12].hex() or '-')


def play(name, e, where, dname, stock):
    evs = json.load(open(os.path.join(HERE, name)))
    want = b''.join(bytes.fromhex(x['hex']) for x in evs if x['dir'] == 's2c')
    if e['use'] == 'ours-differs' and not stock:
        vs = e['ours']['any']
    else:
        vs = [dict(s2c=want, end=e['end'], mask=e.get('mask', []))]
    full = max(len(v['s2c']) // (2 if isinstance(v['s2c'], str) else 1) for v in vs)
    helpers, cues = [], []
    for h in e.get('helpers', []):
        for _ in range(h.get('fill', 0)):
            c = Conn(where)
            c.send(bytes([5, 0, 1, 0, 0]))
            if not c.until(1, 3) or c.b[0] > 127:
                return 'only %d sessions fit' % len(helpers)
            helpers.append(c)
        if 'name' in h:
            c, pg = login(where, h['name'].encode(), h.get('memb', 1))
            helpers.append(c)
            for g in h.get('join', []):
                c.send(bytes.fromhex('80000180') + pg.ljust(32, b'\0') + bytes.fromhex('010000008000008000000000') + g.encode().ljust(32, b'\0'))
                c.until(len(c.b) + 48, 3)
            cues += [(x['after'], c, bytes.fromhex(x['hex'])) for x in h.get('cues', [])]

    def fire():
        while cues and len(m.b) >= cues[0][0]:
            _, c, x = cues.pop(0)
            c.send(x)

    def wait(n, t):
        end = time.time() + t
        while len(m.b) < n and not m.eof and time.time() < end:
            m.pump(.02)
            fire()

    sent = time.time()
    sends = [i for i, x in enumerate(evs) if x['dir'] == 'c2s' and x['hex']]
    m, due, subst = Conn(where), 0, None
    for i, x in enumerate(evs):
        if x.get('close'):
            break
        if x['dir'] == 's2c':
            due += len(x['hex']) // 2
            continue
        if e.get('auto_name') and i == sends[-1]:
            m.until(11, 2)
            m.until(11 + m.b[10] if len(m.b) > 10 else 11, 2)
            subst = m.b[11:]
        else:
            kill = i == sends[-1] and x['hex'][4:6] == '04'   # a KILL drops what is queued: wait for everything first
            wait(max(due, full) if kill else due, ANSWER_WAIT)
        b = bytes.fromhex(x['hex'])
        if subst:
            old = want[11:].ljust(32, b'\0')
            b = b.replace(old[:len(want) - 11], subst.ljust(32, b'\0')[:len(want) - 11]) if len(subst) == len(want) - 11 else rename(b, want[11:], subst)
        m.send(b)
        sent = time.time()
        fire()
    wait(full, ANSWER_WAIT)
    if any(v['end'] == 'daemon' for v in vs) and m.until_eof(EOF_WAIT if all(v['end'] == 'daemon' for v in vs) else 1.5):
        end = 'daemon'
        took = (time.time() - sent) * 1000
    else:
        took = 0
        hold = time.time() + e.get('hold_ms', 300) / 1000
        while time.time() < hold and not m.eof:
            m.pump(.05)
            fire()
        end = 'daemon' if m.eof else 'client'
        m.shut()
        if not m.until_eof(EOF_WAIT):
            end = 'open'
    m.close()
    for c in helpers:
        c.close()
    if e.get('auto_name'):
        if len(m.b) < 12 or m.b[:10] != want[:10] or len(m.b) != 11 + m.b[10] or not re.fullmatch(rb'#[$-~]{1,10}#' + dname, m.b[11:]):
            return 'bad ACCEPT with an invented name: ' + m.b.hex()
        return '' if end == e['end'] else 'the daemon did not close'
    why = [judge(m.b, end, v, e.get('stock_mask', []) if stock else [], took) for v in vs]
    return '' if '' in why else ' / '.join(why)


def rename(b, old, new):
    """replace 32-byte name fields that hold old"""
    for o in range(0, len(b) - 31):
        if b[o:o + len(old)] == old and b[o + len(old)] == 0:
            b = b[:o] + new.ljust(32, b'\0') + b[o + 32:]
    return b


def main():
    a, opt, stock, verbose = sys.argv[1:], dict(conf='default', unix=None), False, False
    while a and a[0].startswith('-'):
        o = a.pop(0)
        if o == '--stock':
            stock = True
        elif o == '-v':
            verbose = True
        elif o in ('--conf', '--unix'):
            opt[o[2:]] = a.pop(0)
        else:
            sys.exit(__doc__)
    if len(a) < 2:
        sys.exit(__doc__)
    tcp, upath = (a[0], int(a[1])), opt['unix'] or '/tmp/' + a[1]
    exp = json.load(open(os.path.join(HERE, 'expect.json')))
    files = [os.path.relpath(os.path.abspath(f), HERE) if os.path.exists(f) else f for f in a[2:]] or sorted(exp)

    def probe():
        c, pg = login(tcp)
        c.shut()
        c.until_eof(EOF_WAIT)
        c.close()
        return pg.split(b'#')[2]
    try:
        dname = probe()
    except (OSError, IndexError) as x:
        print('no usable daemon:', x)
        return 2
    n = dict(PASS=0, FAIL=0, SKIP=0)
    for f in files:
        e, where, t0 = exp.get(f), tcp, time.time()
        skip = ('not in expect.json' if e is None else e['use'] if e['use'] in ('needs-ring', 'not-for-replay', 'library-side') else
                'needs a daemon named ' + e['daemon'] if e['daemon'].encode() != dname else
                'needs --conf ' + e['conf'] if e['conf'] != opt['conf'] else
                'kills a stock daemon' if stock and e.get('stock_dies') else '')
        if not skip and e['transport'] == 'unix':
            where = upath
            if not os.path.exists(upath):
                skip = 'no unix socket ' + upath
        if skip:
            n['SKIP'] += 1
            if verbose or a[2:]:
                print('SKIP %-36s %s' % (f, skip))
            continue
        try:
            r = play(f, e, where, dname, stock)
        except OSError as x:
            r = 'error: %s' % x
        try:
            probe()
        except (OSError, IndexError) as x:
            r = (r + '; ' if r else '') + 'daemon gone: %s' % x
        n['FAIL' if r else 'PASS'] += 1
        print('%s %-36s %-12s %4.1fs %s' % ('FAIL' if r else 'PASS', f, e['use'], time.time() - t0, r), flush=True)
        if 'daemon gone' in r:
            break
    print('%(PASS)d pass, %(FAIL)d fail, %(SKIP)d skipped' % n)
    return 1 if n['FAIL'] else 0


if __name__ == '__main__':
    sys.exit(main())
