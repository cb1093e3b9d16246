#include "CSpreadSystem.h"
