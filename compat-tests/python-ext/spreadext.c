/* A CPython extension module over the library, used the way Python bindings for it work: a Mailbox object that
   releases the interpreter lock in every call that may wait, receive() that grows its buffers by what the library
   answers, and message objects with the sets of members that came along together. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <sp.h>
#include <structmember.h>
#include <structseq.h>

#define FIRST_GROUPS 2
#define FIRST_BODY 64

static PyObject *spread_error;
static PyTypeObject *regular_type, *membership_type;
static PyTypeObject mailbox_type;

static PyStructSequence_Field regular_fields[] = {
    {"svc_type", NULL}, {"sender", NULL}, {"groups", NULL}, {"msg_type", NULL},
    {"endian", NULL},   {"message", NULL}, {NULL, NULL}};
static PyStructSequence_Desc regular_desc = {"spreadext.RegularMsg", "A data message.", regular_fields, 6};

static PyStructSequence_Field membership_fields[] = {
    {"svc_type", NULL}, {"reason", NULL},  {"group", NULL},   {"group_id", NULL}, {"members", NULL},
    {"index", NULL},    {"changed", NULL}, {"vs_sets", NULL}, {"my_set", NULL},   {NULL, NULL}};
static PyStructSequence_Desc membership_desc = {"spreadext.MembershipMsg", "A change of a group.", membership_fields,
                                                9};

typedef struct {
  PyObject_HEAD mailbox mbox;
  int open;
  PyObject *private_group;
} Mailbox;

static PyObject *raise_spread(int code) {
  PyObject *value = Py_BuildValue("(is)", code, SP_strerror(code));
  if (value != NULL) {
    PyErr_SetObject(spread_error, value);
    Py_DECREF(value);
  }
  return NULL;
}

static PyObject *name_list(char (*names)[MAX_GROUP_NAME], int count) {
  PyObject *list = PyList_New(count);
  int i;
  for (i = 0; list != NULL && i < count; i++) PyList_SET_ITEM(list, i, PyUnicode_FromString(names[i]));
  return list;
}

/* The lists of members that came along together, and the index of the own one. */
static PyObject *vs_sets(const char *body, const membership_info *info, unsigned int *mine) {
  unsigned int count = info->num_vs_sets, i;
  PyObject *list = PyList_New((Py_ssize_t)count);
  vs_set_info *sets = PyMem_New(vs_set_info, count + 1);
  if (list == NULL || sets == NULL) goto failed;
  if (SP_get_vs_sets_info(body, sets, (int)count, mine) != (int)count) {
    PyErr_SetString(PyExc_AssertionError, "SP_get_vs_sets_info");
    goto failed;
  }
  for (i = 0; i < count; i++) {
    int members = (int)sets[i].num_members;
    char(*names)[MAX_GROUP_NAME] = PyMem_Malloc((size_t)members * MAX_GROUP_NAME + 1);
    if (names == NULL || SP_get_vs_set_members(body, &sets[i], names, members) != members) {
      PyMem_Free(names);
      PyErr_SetString(PyExc_AssertionError, "SP_get_vs_set_members");
      goto failed;
    }
    PyList_SET_ITEM(list, i, name_list(names, members));
    PyMem_Free(names);
  }
  PyMem_Free(sets);
  return list;
failed:
  PyMem_Free(sets);
  Py_XDECREF(list);
  return NULL;
}

static PyObject *membership_message(service type, const char *sender, int count, char (*groups)[MAX_GROUP_NAME],
                                    int16 index, const char *body, int length) {
  PyObject *message = PyStructSequence_New(membership_type);
  membership_info info;
  unsigned int mine = 0;
  if (message == NULL) return NULL;
  memset(&info, 0, sizeof info);
  if (length >= (int)sizeof info.gid && SP_get_memb_info(body, type, &info) < 0) {
    Py_DECREF(message);
    return raise_spread(ILLEGAL_MESSAGE);
  }
  PyStructSequence_SET_ITEM(message, 0, PyLong_FromLong(type));
  PyStructSequence_SET_ITEM(message, 1, PyLong_FromLong(type & (CAUSED_BY_JOIN | CAUSED_BY_LEAVE |
                                                                CAUSED_BY_DISCONNECT | CAUSED_BY_NETWORK)));
  PyStructSequence_SET_ITEM(message, 2, PyUnicode_FromString(sender));
  PyStructSequence_SET_ITEM(message, 3,
                            Py_BuildValue("(iii)", info.gid.id[0], info.gid.id[1], info.gid.id[2]));
  PyStructSequence_SET_ITEM(message, 4, name_list(groups, count));
  PyStructSequence_SET_ITEM(message, 5, PyLong_FromLong(index));
  PyStructSequence_SET_ITEM(message, 6, PyUnicode_FromString(info.changed_member));
  PyStructSequence_SET_ITEM(message, 7, Is_reg_memb_mess(type) ? vs_sets(body, &info, &mine) : PyList_New(0));
  PyStructSequence_SET_ITEM(message, 8, PyLong_FromLong((long)mine));
  if (PyErr_Occurred()) Py_CLEAR(message);
  return message;
}

static int is_open(Mailbox *self) {
  if (self->open) return 1;
  raise_spread(ILLEGAL_SESSION);
  return 0;
}

static PyObject *mailbox_join_or_leave(Mailbox *self, PyObject *args, int join) {
  const char *group;
  int result;
  if (!PyArg_ParseTuple(args, "s", &group) || !is_open(self)) return NULL;
  Py_BEGIN_ALLOW_THREADS
  result = join ? SP_join(self->mbox, group) : SP_leave(self->mbox, group);
  Py_END_ALLOW_THREADS
  if (result < 0) return raise_spread(result);
  Py_RETURN_NONE;
}

static PyObject *mailbox_join(Mailbox *self, PyObject *args) { return mailbox_join_or_leave(self, args, 1); }
static PyObject *mailbox_leave(Mailbox *self, PyObject *args) { return mailbox_join_or_leave(self, args, 0); }

static PyObject *mailbox_multicast(Mailbox *self, PyObject *args) {
  int type, mess_type = 0, result;
  const char *group, *body;
  Py_ssize_t length;
  if (!PyArg_ParseTuple(args, "isy#|i", &type, &group, &body, &length, &mess_type) || !is_open(self)) return NULL;
  Py_BEGIN_ALLOW_THREADS
  result = SP_multicast(self->mbox, type, group, (int16)mess_type, (int)length, body);
  Py_END_ALLOW_THREADS
  return result < 0 ? raise_spread(result) : PyLong_FromLong(result);
}

static PyObject *mailbox_multigroup_multicast(Mailbox *self, PyObject *args) {
  int type, mess_type = 0, result;
  PyObject *groups;
  const char *body;
  Py_ssize_t length, count, i;
  char(*names)[MAX_GROUP_NAME];
  if (!PyArg_ParseTuple(args, "iO!y#|i", &type, &PyTuple_Type, &groups, &body, &length, &mess_type) || !is_open(self))
    return NULL;
  count = PyTuple_GET_SIZE(groups);
  names = PyMem_Calloc((size_t)count + 1, MAX_GROUP_NAME);
  if (names == NULL) return PyErr_NoMemory();
  for (i = 0; i < count; i++) {
    const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(groups, i));
    if (name == NULL) {
      PyMem_Free(names);
      return NULL;
    }
    strncpy(names[i], name, MAX_GROUP_NAME - 1);
  }
  Py_BEGIN_ALLOW_THREADS
  result = SP_multigroup_multicast(self->mbox, type, (int)count, (const char(*)[MAX_GROUP_NAME])names,
                                   (int16)mess_type, (int)length, body);
  Py_END_ALLOW_THREADS
  PyMem_Free(names);
  return result < 0 ? raise_spread(result) : PyLong_FromLong(result);
}

/* One receive per loop trip; a trip that finds a buffer too small makes it exactly as large as the answer says. */
static PyObject *mailbox_receive(Mailbox *self, PyObject *unused) {
  service type;
  char sender[MAX_GROUP_NAME], first_groups[FIRST_GROUPS][MAX_GROUP_NAME], first_body[FIRST_BODY];
  char(*groups)[MAX_GROUP_NAME] = first_groups, *body = first_body;
  int max_groups = FIRST_GROUPS, room = FIRST_BODY, count, endian, result;
  int16 mess_type;
  PyObject *message = NULL;
  (void)unused;
  if (!is_open(self)) return NULL;
  for (;;) {
    Py_BEGIN_ALLOW_THREADS
    type = 0;
    result = SP_receive(self->mbox, &type, sender, max_groups, &count, groups, &mess_type, &endian, room, body);
    Py_END_ALLOW_THREADS
    if (result == GROUPS_TOO_SHORT && count < 0) {
      if (groups != first_groups) PyMem_Free(groups);
      max_groups = -count;
      groups = PyMem_Malloc((size_t)max_groups * MAX_GROUP_NAME);
    } else if (result == BUFFER_TOO_SHORT && endian < 0) {
      if (body != first_body) PyMem_Free(body);
      room = -endian;
      body = PyMem_Malloc((size_t)room);
    } else {
      break;
    }
    if (groups == NULL || body == NULL) {
      PyErr_NoMemory();
      goto end;
    }
  }
  if (result < 0) {
    raise_spread(result);
  } else if (Is_regular_mess(type)) {
    message = PyStructSequence_New(regular_type);
    if (message == NULL) goto end;
    PyStructSequence_SET_ITEM(message, 0, PyLong_FromLong(type));
    PyStructSequence_SET_ITEM(message, 1, PyUnicode_FromString(sender));
    PyStructSequence_SET_ITEM(message, 2, name_list(groups, count));
    PyStructSequence_SET_ITEM(message, 3, PyLong_FromLong(mess_type));
    PyStructSequence_SET_ITEM(message, 4, PyLong_FromLong(endian));
    PyStructSequence_SET_ITEM(message, 5, PyBytes_FromStringAndSize(body, result));
  } else if (Is_membership_mess(type)) {
    message = membership_message(type, sender, count, groups, mess_type, body, result);
  } else {
    PyErr_Format(spread_error, "unexpected service type %d", type);
  }
end:
  if (groups != first_groups) PyMem_Free(groups);
  if (body != first_body) PyMem_Free(body);
  return message;
}

static PyObject *mailbox_poll(Mailbox *self, PyObject *unused) {
  int result;
  (void)unused;
  if (!is_open(self)) return NULL;
  Py_BEGIN_ALLOW_THREADS
  result = SP_poll(self->mbox);
  Py_END_ALLOW_THREADS
  return result < 0 ? raise_spread(result) : PyBool_FromLong(result);
}

static PyObject *mailbox_fileno(Mailbox *self, PyObject *unused) {
  (void)unused;
  return is_open(self) ? PyLong_FromLong(self->mbox) : NULL;
}

static PyObject *mailbox_disconnect(Mailbox *self, PyObject *unused) {
  int result;
  (void)unused;
  if (!is_open(self)) return NULL;
  self->open = 0;
  Py_BEGIN_ALLOW_THREADS
  result = SP_disconnect(self->mbox);
  Py_END_ALLOW_THREADS
  if (result < 0) return raise_spread(result);
  Py_RETURN_NONE;
}

static void mailbox_dealloc(Mailbox *self) {
  if (self->open) SP_disconnect(self->mbox);
  Py_XDECREF(self->private_group);
  PyObject_Free(self);
}

static PyMethodDef mailbox_methods[] = {
    {"join", (PyCFunction)mailbox_join, METH_VARARGS, NULL},
    {"leave", (PyCFunction)mailbox_leave, METH_VARARGS, NULL},
    {"multicast", (PyCFunction)mailbox_multicast, METH_VARARGS, NULL},
    {"multigroup_multicast", (PyCFunction)mailbox_multigroup_multicast, METH_VARARGS, NULL},
    {"receive", (PyCFunction)mailbox_receive, METH_NOARGS, NULL},
    {"poll", (PyCFunction)mailbox_poll, METH_NOARGS, NULL},
    {"fileno", (PyCFunction)mailbox_fileno, METH_NOARGS, NULL},
    {"disconnect", (PyCFunction)mailbox_disconnect, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMemberDef mailbox_members[] = {
    {"private_group", T_OBJECT_EX, offsetof(Mailbox, private_group), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};

static PyTypeObject mailbox_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "spreadext.Mailbox",
    .tp_basicsize = sizeof(Mailbox),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = (destructor)mailbox_dealloc,
    .tp_methods = mailbox_methods,
    .tp_members = mailbox_members,
};

static PyObject *spreadext_connect(PyObject *module, PyObject *args, PyObject *keywords) {
  static char *names[] = {"daemon", "name", "priority", "membership", NULL};
  const char *daemon = "4803", *name = "";
  int priority = 0, membership = 1, result;
  mailbox mbox = -1;
  char private_group[MAX_GROUP_NAME];
  Mailbox *self;
  (void)module;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|ssii", names, &daemon, &name, &priority, &membership))
    return NULL;
  Py_BEGIN_ALLOW_THREADS
  result = SP_connect(daemon, name, priority, membership, &mbox, private_group);
  Py_END_ALLOW_THREADS
  if (result != ACCEPT_SESSION) return raise_spread(result);
  self = PyObject_New(Mailbox, &mailbox_type);
  if (self == NULL) {
    SP_disconnect(mbox);
    return NULL;
  }
  self->mbox = mbox;
  self->open = 1;
  self->private_group = PyUnicode_FromString(private_group);
  return (PyObject *)self;
}

static PyObject *spreadext_version(PyObject *module, PyObject *unused) {
  int major, minor, patch;
  (void)module;
  (void)unused;
  return SP_version(&major, &minor, &patch) ? Py_BuildValue("(iii)", major, minor, patch) : raise_spread(SP_BUG);
}

static PyMethodDef functions[] = {
    {"connect", (PyCFunction)(void (*)(void))spreadext_connect, METH_VARARGS | METH_KEYWORDS, NULL},
    {"version", spreadext_version, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "spreadext", NULL, -1, functions, NULL, NULL, NULL, NULL};

#define CONSTANT(name) PyModule_AddIntConstant(module, #name, (long)name)

PyMODINIT_FUNC PyInit_spreadext(void) {
  PyObject *module = PyModule_Create(&definition);
  if (module == NULL || PyType_Ready(&mailbox_type) < 0) return NULL;
  regular_type = PyStructSequence_NewType(&regular_desc);
  membership_type = PyStructSequence_NewType(&membership_desc);
  spread_error = PyErr_NewException("spreadext.error", NULL, NULL);
  if (regular_type == NULL || membership_type == NULL || spread_error == NULL) return NULL;
  Py_INCREF(spread_error);
  Py_INCREF(&mailbox_type);
  PyModule_AddObject(module, "error", spread_error);
  PyModule_AddObject(module, "Mailbox", (PyObject *)&mailbox_type);
  PyModule_AddObject(module, "RegularMsg", (PyObject *)regular_type);
  PyModule_AddObject(module, "MembershipMsg", (PyObject *)membership_type);
  CONSTANT(DEFAULT_SPREAD_PORT), CONSTANT(MAX_GROUP_NAME), CONSTANT(ACCEPT_SESSION);
  CONSTANT(UNRELIABLE_MESS), CONSTANT(RELIABLE_MESS), CONSTANT(FIFO_MESS), CONSTANT(CAUSAL_MESS);
  CONSTANT(AGREED_MESS), CONSTANT(SAFE_MESS), CONSTANT(SELF_DISCARD), CONSTANT(REG_MEMB_MESS);
  CONSTANT(CAUSED_BY_JOIN), CONSTANT(CAUSED_BY_LEAVE), CONSTANT(CAUSED_BY_DISCONNECT), CONSTANT(CAUSED_BY_NETWORK);
  CONSTANT(ILLEGAL_SPREAD), CONSTANT(COULD_NOT_CONNECT), CONSTANT(REJECT_QUOTA), CONSTANT(REJECT_NO_NAME);
  CONSTANT(REJECT_ILLEGAL_NAME), CONSTANT(REJECT_NOT_UNIQUE), CONSTANT(REJECT_VERSION), CONSTANT(CONNECTION_CLOSED);
  CONSTANT(REJECT_AUTH), CONSTANT(ILLEGAL_SESSION), CONSTANT(ILLEGAL_SERVICE), CONSTANT(ILLEGAL_MESSAGE);
  CONSTANT(ILLEGAL_GROUP), CONSTANT(BUFFER_TOO_SHORT), CONSTANT(GROUPS_TOO_SHORT), CONSTANT(MESSAGE_TOO_LONG);
  return module;
}
