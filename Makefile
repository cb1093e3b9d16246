include $(sort $(wildcard mk/*.mk))
