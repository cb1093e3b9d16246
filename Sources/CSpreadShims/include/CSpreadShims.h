#pragma once
#include "events_sys.h"
#include "spread_alarm.h"
